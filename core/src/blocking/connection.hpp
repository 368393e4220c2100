// A connection served on a blocking socket, by one thread from its first byte to its last.
//
// The thread blocks in recv(2). It costs one recv and one send per exchange: poll(2) is called only
// while a deadline is set, while the handler reads nothing, and while the peer takes nothing. What
// a callback writes is gathered and sent when the callback returns; what does not fit into the
// buffer is sent at once, together with the buffer. Sends never wait in send(2) itself but in
// poll(2), where the wait can be bounded by the time that passes without progress, by the deadline
// (only between callbacks: on_deadline must not nest) and by the time-out of close().
//
// recv(2) cannot be told that the server drains; so after a quarter of a second in which nothing came
// the thread waits in poll(2), which can, until something does.
//
// A handler that reads_when_full() does not wait for its peer, or two of them that both send before
// they read would wait for each other. What the peer does not take is kept, up to max_queued, and
// the thread waits for both directions at once.
#pragma once

#include <array>
#include <optional>
#include <switchboard/limits.hpp>
#include <switchboard/slot.hpp>
#include <switchboard/socket.hpp>
#include <vector>

#include "../timeouts.hpp"
#include "ending.hpp"
#include "wait.hpp"

namespace switchboard::detail {

// What a thread needs to serve a connection, and may use again for the next.
class Workspace {
public:
    Workspace();
    MutableBytes in() const noexcept { return {in_.get(), kSize}; }
    MutableBytes out() const noexcept { return {out_.get(), kSize}; }

private:
    static constexpr std::size_t kSize = 64 * 1024;
    std::unique_ptr<std::byte[]> in_, out_;  // not touched before use: costs memory only as needed
};

class BlockingConnection final : public Connection {
public:
    BlockingConnection(Socket socket, std::unique_ptr<Protocol> protocol, const Limits& limits,
                       const Workspace& workspace, ConnectionId id, Ending* ending = nullptr);

    // For a client whose conversation is over with the reply: sends that are not done by `when`
    // cost the connection (std::errc::timed_out), and what comes after the reply is not waited for.
    void give_up_at(Clock::time_point when);
    // Blocks until the connection is over: on_close has returned and the socket is closed. If memory
    // runs out, that costs the connection.
    void serve();
    std::error_code reason() const noexcept { return reason_; }
    const std::string& failure() const noexcept { return slot_.failure(); }

    bool write(std::span<const Bytes> pieces) override;
    bool write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) override;
    void send_file(FileRange range) override;
    void shutdown_write() override { fin_ = true; }
    void close(std::error_code reason) override;
    void abort(std::error_code reason) override;
    void pause_reading() override { slot_.hold(Slot::Hold::handler); }
    void resume_reading() override;
    Clock::time_point now() const override { return Clock::now(); }
    void set_deadline(Clock::time_point when) override { deadline_ = when; }
    void switch_to(std::unique_ptr<Protocol> next) override {
        slot_.switch_to(*this, std::move(next));
    }
    std::size_t queued() const noexcept override { return queue_.size(); }
    bool closing() const noexcept override { return slot_.ended(); }
    const Endpoint& peer() const override;
    Result<PeerCredentials> peer_credentials() const override { return socket_.peer_credentials(); }
    const Endpoint& local() const override;
    ConnectionId id() const override { return id_; }

private:
    void turn();
    void receive(int flags = 0);
    void rest();
    void both_ways();
    void wake();
    bool drains() const noexcept;
    void tell_stop();
    void end_quiet(Clock::time_point now);
    Clock::time_point wakes_at() const { return std::min(deadline_, timeouts_.due()); }
    void send_fin();
    bool readable() const noexcept;
    void finish();
    void linger();

    bool may_write() const noexcept { return !slot_.ended() && !fin_; }
    bool reads_on() const noexcept { return slot_.protocol()->reads_when_full(); }
    void append(Bytes piece);
    std::size_t room() const noexcept;
    void push(Bytes piece);
    void spill(Bytes piece);
    void transmit(Bytes& first, Bytes& second, Clock::time_point until);
    void flush(Clock::time_point until);
    void send_some(FileRange& range);
    void note_progress();
    bool retry_send(Clock::time_point until);
    void check_patience();
    bool await(short events, Clock::time_point until);
    bool told() const noexcept { return ending_ != nullptr && ending_->told(); }
    void fail(std::error_code why);
    void lose(int error);

    Socket socket_;
    Slot slot_;
    const Limits& limits_;
    const Workspace& workspace_;
    const ConnectionId id_;
    Ending* const ending_;
    Bytes queue_;                     // written and not sent yet; lies in workspace_.out(), or
    std::vector<std::byte> spilled_;  // is the end of this one, if that has anything
    Clock::time_point deadline_ = kNever;
    Timeouts timeouts_{limits_};
    Clock::time_point stalled_at_ = kNever;  // when the peer has taken nothing for too long
    Clock::time_point give_up_ = kNever;
    std::error_code give_up_reason_ = std::make_error_code(std::errc::timed_out);
    std::error_code reason_;
    bool lingers_ = true;
    bool dropped_ = false;  // aborted or lost: nothing is sent any more
    bool eof_ = false;      // the peer's FIN was read
    bool fin_ = false;      // the handler writes no more
    bool fin_sent_ = false;
    bool dozes_ = false;    // nothing came for a while
    bool hung_up_ = false;  // both ways are shut, and poll would say so without end
    bool resumed_ = false;  // on_resume is due
    SocketAddress peer_address_, local_address_;
    mutable std::optional<Endpoint> peer_, local_;
};

}  // namespace switchboard::detail
