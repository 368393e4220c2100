// A connection served on a blocking socket, by one thread from its first byte to its last.
//
// The thread blocks in recv(2), or in poll(2) while a timer runs, while output waits, and while nothing is
// to be read. So it costs one recv and one send per exchange. Sends never wait in send(2): what the peer
// does not take waits in the queue. Only a handler that has more than max_queued waiting, and does not read
// meanwhile, is held up in its write until the peer takes some.
//
// recv(2) cannot be told that the server drains; so after a quarter of a second in which nothing came
// the thread waits in poll(2), which can, until something does.
#pragma once

#include <switchboard/socket.hpp>
#include <switchboard/transport.hpp>

#include "../named.hpp"
#include "../stream_wire.hpp"
#include "ending.hpp"
#include "wait.hpp"
#include "workspace.hpp"

namespace switchboard::detail {

class BlockingConnection final : public Transport {
public:
    BlockingConnection(Socket socket, std::unique_ptr<Protocol> protocol, const Limits& limits,
                       const Workspace& workspace, ConnectionId id, Ending* ending = nullptr);

    // For a client whose conversation is over with the reply: what is not done by `when` costs the
    // connection (std::errc::timed_out), and what comes after the reply is not waited for.
    void give_up_at(Clock::time_point when) {
        give_up_ = when;
        lingers_ = false;
    }
    // Blocks until the connection is over: on_close has returned and the socket is closed. If memory
    // runs out, that costs the connection.
    void serve();
    std::error_code close_reason() const noexcept { return close_reason_; }
    const std::string& failure() const noexcept { return failure_; }

    Clock::time_point now() const override { return Clock::now(); }
    const Endpoint& peer() const override { return peer_.name(); }
    const Endpoint& local() const override { return local_.name(); }
    Result<PeerCredentials> peer_credentials() const override { return socket_.peer_credentials(); }
    ConnectionId id() const override { return id_; }

private:
    const Limits& limits() const noexcept override { return limits_; }
    Sent transmit(const iovec* pieces, std::size_t count) override;
    Sent transmit_file(const FileRange& range, std::uint64_t most) override;
    void transmit_fin() noexcept override { ::shutdown(fd(), SHUT_WR); }
    void attend_later() override {}  // each turn looks
    void end(std::error_code reason, bool reset) override;
    void end_callback() override;
    Scratch* scratch() const noexcept override {
        return has(kEntered) ? &workspace_.out() : nullptr;
    }
    bool input_waiting() const noexcept override { return stream_wire::input_waiting(fd()); }
    std::chrono::milliseconds quiet_for() const noexcept override {
        return stream_wire::quiet_for(fd());
    }
    void ask() override;
    void relieve() override;
    bool lingers() const noexcept override { return lingers_; }
    bool ends_when_idle() const noexcept override { return ending_ != nullptr; }

    int fd() const noexcept { return socket_.fd(); }
    void turn();
    void wait();
    void receive(int flags);
    void end_lost(std::error_code why);
    void hung_up();
    bool wait_for_room(Clock::time_point until);
    bool told() const noexcept { return ending_ != nullptr && ending_->told(); }

    Socket socket_;
    const Limits& limits_;
    const Workspace& workspace_;
    const ConnectionId id_;
    Ending* const ending_;
    Clock::time_point give_up_ = kNever;
    bool lingers_ = true;
    bool dozes_ = false;  // nothing came for a while
    bool mute_ = false;   // both ways are shut, and poll would say so without end
    const End peer_, local_;
    std::error_code close_reason_;
    std::string failure_;
};

}  // namespace switchboard::detail
