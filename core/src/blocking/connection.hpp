// A connection on a blocking socket, served by one thread from its first byte to its last.
//
// The thread blocks in recv(2), or in poll(2) while a timer runs, while output is queued, or while reading
// is paused. So an exchange takes one recv and one send. A send never blocks: bytes that the peer does not
// take are queued. A write() blocks only if more than max_write_buffer is queued, until the peer takes some.
// It does not block if the handler reads_under_backpressure().
//
// A thread in recv(2) does not notice that the server drains, but one in poll(2) does. So after a quarter of
// a second without input the thread waits in poll(2).
#pragma once

#include <switchboard/driver/transport.hpp>
#include <switchboard/socket.hpp>

#include "shutdown_control.hpp"
#include "stream/named.hpp"
#include "stream/stream_wire.hpp"
#include "wait.hpp"
#include "workspace.hpp"

namespace switchboard::detail {

class BlockingConnection final : public Transport {
public:
    BlockingConnection(Socket socket, std::unique_ptr<Protocol> protocol,
                       const ConnectionLimits& limits, const Workspace& workspace, ConnectionId id,
                       ShutdownControl* shutdown = nullptr);

    // For a client that is done when it has the reply. At `when` the connection is aborted
    // (std::errc::timed_out). The close does not linger for input after the reply.
    void give_up_at(Clock::time_point when) {
        give_up_ = when;
        lingers_ = false;
    }
    // Blocks until the connection has ended: on_close has returned and the socket is closed. If memory runs
    // out, the connection is aborted.
    void serve();
    std::error_code close_reason() const noexcept { return close_reason_; }
    const std::string& failure() const noexcept { return failure_; }

    Clock::time_point now() const override { return Clock::now(); }
    const Endpoint& peer() const override { return peer_.name(); }
    const Endpoint& local() const override { return local_.name(); }
    Result<PeerCredentials> peer_credentials() const override { return socket_.peer_credentials(); }
    ConnectionId id() const override { return id_; }

private:
    const ConnectionLimits& limits() const noexcept override { return limits_; }
    Sent transmit(const iovec* pieces, std::size_t count) override;
    Sent transmit_file(const FileRange& range, std::uint64_t most) override;
    void transmit_fin() noexcept override { ::shutdown(fd(), SHUT_WR); }
    void schedule_end_of_turn() override {}  // each turn() checks kListed
    void end(std::error_code reason, bool reset) override;
    void end_callback() override;
    CorkBuffer* cork_buffer() const noexcept override {
        return has(kEntered) ? &workspace_.out() : nullptr;
    }
    bool input_waiting() const noexcept override { return stream_wire::input_waiting(fd()); }
    std::chrono::milliseconds quiet_for() const noexcept override {
        return stream_wire::quiet_for(fd());
    }
    void ask() override;
    void relieve() override;
    bool lingers() const noexcept override { return lingers_; }
    bool ends_when_idle() const noexcept override { return shutdown_ != nullptr; }

    int fd() const noexcept { return socket_.fd(); }
    void turn();
    void wait();
    void receive(int flags);
    void end_lost(std::error_code why);
    void hung_up();
    bool wait_for_room(Clock::time_point until);
    bool aborting() const noexcept { return shutdown_ != nullptr && shutdown_->aborting(); }

    Socket socket_;
    const ConnectionLimits& limits_;
    const Workspace& workspace_;
    const ConnectionId id_;
    ShutdownControl* const shutdown_;
    Clock::time_point give_up_ = kNever;
    bool lingers_ = true;
    bool poll_before_recv_ = false;  // no input came for a while: waits in poll(2)
    bool mute_ = false;  // both directions are shut: poll(2) would return at once every time
    const End peer_, local_;
    std::error_code close_reason_;
    std::string failure_;
};

}  // namespace switchboard::detail
