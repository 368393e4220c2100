// The layer: a Protocol to its driver, a Connection to the protocol above it.
//
// Nothing calls up but what the driver calls, inside run(). What is asked from above leaves the
// rest for the end of that, or for when the driver comes back. The one deadline of the driver's
// connection is armed for whatever is first: the deadline from above, either gate, the patience of
// close(), or now, for what waits to be called up.
#pragma once

#include <output_queue.hpp>
#include <switchboard/slot.hpp>
#include <switchboard/throttle.hpp>

#include "rate_gate.hpp"

namespace switchboard::detail {

// What all connections of one factory have in common.
struct ThrottleShared {
    explicit ThrottleShared(const ThrottleOptions& options);

    const Limits limits;
    const Rate in, out;
    const bool limits_all_in, limits_all_out;
    RateLine all_in, all_out;
};

class ThrottleLayer final : public Protocol, public Connection {
public:
    ThrottleLayer(std::unique_ptr<Protocol> above, std::shared_ptr<ThrottleShared> shared);

    void on_open(Connection& below) override;
    std::size_t on_data(Connection&, MutableBytes in) override;
    void on_drain(Connection&) override;
    void on_resume(Connection&) override;
    void on_eof(Connection&) override;
    void on_deadline(Connection&) override;
    void on_stop(Connection&) override;
    bool is_busy() const noexcept override { return !queue_.empty() || !above_.is_idle(); }
    void on_close(std::error_code reason) noexcept override;
    // It pauses by itself, and has deadlines to keep while the peer takes nothing.
    bool reads_when_full() const noexcept override { return true; }

    using Connection::write;
    bool write(std::span<const Bytes> pieces) override;
    bool write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) override;
    void send_file(FileRange range) override;
    void shutdown_write() override;
    void close(std::error_code reason) override;
    void abort(std::error_code reason) override;
    void pause_reading() override;
    void resume_reading() override;
    Clock::time_point now() const override { return below_->now(); }
    void set_deadline(Clock::time_point when) override;
    void switch_to(std::unique_ptr<Protocol> next) override;
    const Endpoint& peer() const override { return below_->peer(); }
    const Endpoint& local() const override { return below_->local(); }
    ConnectionId id() const override { return below_->id(); }
    Result<PeerCredentials> peer_credentials() const override { return below_->peer_credentials(); }
    std::pmr::memory_resource* memory() const noexcept override { return below_->memory(); }

private:
    static constexpr auto kNever = RateGate::kNever;

    template <class Callback>
    void run(std::string_view name, Callback&& callback);
    void fail_as_above(std::string_view name) const;

    // throttle_layer.cpp: what comes in, and what is called up
    std::size_t pass_up(MutableBytes in);
    void resume_above();
    void drain_above();
    void end_above();
    bool is_drained() const noexcept;
    bool is_due_above() const noexcept;
    void settle();
    void arm();

    // throttle_output.cpp: what goes out
    bool accepts() const noexcept { return !above_.ended() && !fin_; }
    template <class Output>
    bool enqueue(Output&& output) noexcept;
    bool queued_more();
    bool passed_on(bool more);
    void fill_up();
    void pump();
    std::size_t pass_down();
    std::size_t pass_file_down(const FileRange& file);
    void finish_output();
    void note_full();
    void note_room();
    void end_below() noexcept;

    const std::shared_ptr<ThrottleShared> shared_;
    Slot above_;
    Connection* below_ = nullptr;
    RateGate in_, out_;
    OutputQueue queue_;
    Clock::time_point deadline_ = kNever;  // from above
    Clock::time_point armed_ = kNever;     // of the connection below
    Clock::time_point close_at_ =
        kNever;                 // when the peer has used up its time to take what is left
    Clock::duration patience_;  // of that time, while close_at_ is not running
    std::error_code reason_;    // of close()
    bool entered_ = false;      // inside a callback from below
    bool paused_ = false;       // the connection below is
    bool asked_ = false;        // ... to resume, and on_resume has not come yet
    bool resumed_ = false;      // on_resume is due above
    bool eof_ = false;          // came from below
    bool full_ = false;         // the connection below said so, and on_drain is to come
    bool above_mark_ = false;   // write() answered false, and on_drain is due above
    bool file_ = false;         // a file is or was in the queue, which has not been empty since
    bool fin_ = false;          // shutdown_write() was called
    bool fin_sent_ = false;
    bool closing_ = false;  // close() was called
    bool over_ = false;     // the connection below was closed or aborted
};

}  // namespace switchboard::detail
