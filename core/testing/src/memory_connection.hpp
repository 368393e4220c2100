// One connection of the in-memory driver: both ends of it.
#pragma once

#include <limits>
#include <output_queue.hpp>
#include <random>
#include <string>
#include <switchboard/slot.hpp>
#include <switchboard/testing/memory.hpp>
#include <timeouts.hpp>

namespace switchboard::testing {

// What all connections of one driver share.
struct World {
    explicit World(const Weather& w) : weather(w), random(w.seed) {}

    // The same numbers with every standard library, which std::uniform_* does not promise.
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random() % bound); }
    bool chance(double probability) {
        return probability > 0 && static_cast<double>(random() >> 11) * 0x1p-53 < probability;
    }

    const Weather weather;
    std::mt19937_64 random;
    Clock::time_point now{std::chrono::hours(1)};
    std::uint64_t turn = 0;
    bool happened = false;  // in this turn, or it will in the next one
    bool draining = false;
};

// Bytes under way, first in, first out.
class Stream {
public:
    std::size_t size() const { return bytes_.size() - used_; }
    void push(Bytes bytes) { bytes_ += as_text(bytes); }
    std::vector<std::byte> pop(std::size_t count);
    void clear();

private:
    std::string bytes_;
    std::size_t used_ = 0;
};

class MemoryConnection final : public Connection {
public:
    static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

    MemoryConnection(World& world, ConnectionId id, std::unique_ptr<Protocol> protocol,
                     const Limits& limits);

    using Connection::write;
    bool write(std::span<const Bytes> pieces) override;
    bool write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) override;
    void send_file(FileRange range) override;
    void shutdown_write() override;
    void close(std::error_code reason) override;
    void abort(std::error_code reason) override;
    void pause_reading() override;
    void resume_reading() override;
    Clock::time_point now() const override { return world_.now; }
    void set_deadline(Clock::time_point when) override;
    void switch_to(std::unique_ptr<Protocol> next) override;
    const Endpoint& peer() const override { return unnamed_; }
    const Endpoint& local() const override { return unnamed_; }
    ConnectionId id() const override { return id_; }

    // For the driver. A turn serves every connection, and then ends every one of them.
    void join(MemoryConnection& partner, std::size_t window);
    void serve();
    void end_turn();
    void finish(std::error_code reason);  // on_close, once; tells the far end nothing
    Clock::time_point next_timer() const;
    bool reachable() const { return slot_.is_open() && phase_ != Phase::closed; }

    // The far end, when the test plays it.
    struct Far {
        std::string received;
        std::size_t window = kUnlimited;  // how long `received` may become
        bool eof = false, reset = false;
    };
    void arrive(Bytes bytes);
    void arrive_eof() { eof_arrived_ = true; }
    void arrive_reset() { reset_arrived_ = true; }
    void send_reset();
    Far& far() { return far_; }
    bool closed() const { return phase_ == Phase::closed; }
    std::error_code reason() const { return closed() ? reason_ : std::error_code(); }
    const std::string& failure() const { return slot_.failure(); }
    std::size_t queued() const { return queue_.size(); }
    std::size_t unread() const { return arrived_.size() + slot_.unread(); }
    std::size_t write_calls() const { return write_calls_; }
    std::size_t late_writes() const { return late_writes_; }
    MemoryPeer& test_peer() { return test_peer_; }

private:
    enum class Phase : std::uint8_t { open, closing, aborted, closed };

    template <class Enter>
    void call(Enter enter);
    bool accepts();
    bool queued_more();
    void hold_until_drained();
    void end(Phase phase, std::error_code reason);
    bool due(std::uint64_t turn) const { return turn <= world_.turn; }
    Clock::time_point after(std::chrono::milliseconds limit) const;

    void take_reset();
    void tell_stop();
    void run_timers();
    void offer_again();
    void drain();
    void read();
    void flush();
    std::size_t room();
    std::size_t flush_memory(std::size_t most);
    std::size_t flush_file(std::size_t most);
    void deliver(Bytes bytes);
    void send_eof();
    void conclude();
    bool shut_both_ways() const;

    World& world_;
    const ConnectionId id_;
    const Limits limits_;
    const Endpoint unnamed_ = Endpoint::unix_path("");
    Slot slot_;
    MemoryPeer test_peer_;
    Far far_;
    MemoryConnection* partner_ = nullptr;
    std::size_t partner_window_ = 0;

    Stream arrived_;
    bool eof_arrived_ = false, reset_arrived_ = false;
    detail::OutputQueue queue_;
    Phase phase_ = Phase::open;
    bool entered_ = false;        // inside a call of the slot
    bool above_ = false;          // a write answered false and on_drain is due
    bool file_ = false;           // a file is or was in the queue, which has not been empty since
    bool shutdown_ = false;       // shutdown_write() was called
    std::uint64_t end_turn_ = 0;  // the first turn in which a close or abort may take effect
    std::uint64_t resume_turn_ = 0;  // the first turn in which on_resume is due; 0 is none
    std::error_code reason_;
    Clock::time_point deadline_ = Clock::time_point::max();
    Clock::time_point stall_at_ = Clock::time_point::max();
    Clock::time_point close_at_ = Clock::time_point::max();
    detail::Timeouts timeouts_{limits_};
    std::size_t write_calls_ = 0, late_writes_ = 0;
};

}  // namespace switchboard::testing
