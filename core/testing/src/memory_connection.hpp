// One connection of the in-memory driver, with both ends.
#pragma once

#include <string>
#include <switchboard/driver/transport.hpp>

#include "world.hpp"

namespace switchboard::testing {

class MemoryConnection final : public Transport {
public:
    MemoryConnection(World& world, ConnectionId id, std::unique_ptr<Protocol> protocol,
                     const ConnectionLimits& limits);

    Clock::time_point now() const override { return world_.now; }
    const Endpoint& peer() const override { return unnamed_; }
    const Endpoint& local() const override { return unnamed_; }
    ConnectionId id() const override { return id_; }

    // For the driver. A turn calls serve() for every connection, and then end_turn() for every connection.
    void join(MemoryConnection& partner, std::size_t window) {
        partner.arrived_.window = window;
        to_ = &partner.arrived_;
    }
    void serve();
    void end_turn();
    void end(std::error_code reason, bool reset) override;  // at once

    Way& arrived() { return arrived_; }  // bytes from the far end
    Way& far() { return far_; }          // bytes to a far end that the test controls
    std::error_code close_reason() const { return close_reason_; }
    const std::string& failure() const { return failure_; }
    std::size_t unread() const { return arrived_.size() + runner_.unread(); }
    std::size_t write_calls() const { return write_calls_; }
    std::size_t writes_after_close() const { return late_writes_; }
    MemoryPeer& test_peer() { return test_peer_; }

private:
    static constexpr std::size_t kReadBuffer = 64 * 1024;  // most bytes of one read, also of a file

    const ConnectionLimits& limits() const noexcept override { return limits_; }
    Sent transmit(const iovec* pieces, std::size_t count) override;
    Sent transmit_file(const FileRange& range, std::uint64_t most) override;
    void transmit_fin() noexcept override { to_->eof = true; }
    void schedule_end_of_turn() override;
    bool input_waiting() const noexcept override { return arrived_.size() > 0; }
    void ask() override;
    void begin_callback() override;
    std::chrono::milliseconds quiet_for() const noexcept override {
        return std::chrono::floor<std::chrono::milliseconds>(world_.now - moved_at_);
    }
    bool lingers() const noexcept override { return false; }  // no RST can overtake the output
    void refused() noexcept override;

    void read();
    std::size_t allowed(std::size_t most);
    void note_moved(std::size_t bytes);

    World& world_;
    const ConnectionId id_;
    const ConnectionLimits limits_;
    const Endpoint unnamed_ = Endpoint::unix_path("");
    MemoryPeer test_peer_{*this};
    Way arrived_, far_;
    Way* to_ = &far_;
    // The first turn in which end_of_turn() is due, while kListed is set.
    std::uint64_t end_of_turn_at_ = 0;
    Clock::time_point moved_at_ = world_.now;  // when a byte last moved
    std::error_code close_reason_;
    std::string failure_;
    std::size_t write_calls_ = 0, late_writes_ = 0;
};

}  // namespace switchboard::testing
