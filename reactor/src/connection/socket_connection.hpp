// SocketConnection: one connection of a reactor. Its wire is a non-blocking socket that libuv watches.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <switchboard/driver/transport.hpp>
#include <switchboard/socket.hpp>

#include "ipv4_peer.hpp"
#include "loop/connection_group.hpp"
#include "loop/creation.hpp"
#include "loop/timing_wheel.hpp"
#include "stream/rare_state.hpp"
#include "stream/stream_wire.hpp"

namespace switchboard::detail {

struct CallbackInfo;
class Connecting;

// An idle connection consists of this object and its protocol; the state that few connections need is in
// RareState. Requests made outside of its callbacks are carried out at the end of the turn
// (Loop::schedule_end_of_turn). A closed connection is freed after the events of the turn, because one of
// them may still be for it.
class SocketConnection final : public Transport, public WheelNode {
public:
    SocketConnection(std::uint32_t slot, ConnectionGroup& group,
                     std::unique_ptr<Protocol> protocol);
    ~SocketConnection();

    void accept(Socket socket, const SocketAddress& peer);  // runs on_open
    // Starts connect_timeout. Pass addresses or an error to connecting() afterwards.
    void connect(const Endpoint& endpoint);
    Connecting& connecting() const;  // exists until the connection is open or closed
    void connect_failed();           // connecting() has the error; on_close comes later
    void schedule_attempt();         // sets the timer for the next attempt or the time-out
    void connected(Socket socket, const SocketAddress& peer);
    void expire(Clock::time_point now);  // called by the wheel
    void process_pending();              // called at the end of the turn
    void out_of_memory() noexcept;       // aborts this connection
    void stop();     // the reactor drains; on_shutdown comes at the end of the turn
    void abandon();  // for a forked child: only closes its copy of the socket
    void end(std::error_code reason, bool reset) override;  // at once; not within a callback
    std::uint32_t slot() const noexcept { return number_; }
    ConnectionGroup& group() const noexcept { return group_; }
    // For closed connections: the slot of the next one to be freed, stored instead of the descriptor.
    int next_closed() const noexcept { return fd_; }
    void set_next_closed(int slot) noexcept { fd_ = slot; }
    bool is_paused() const noexcept { return is(Phase::open) && innermost().held(); }
    bool is_writable() const noexcept { return may_write(); }
    bool was_open() const noexcept { return runner_.is_open(); }
    // For unix sockets, before anything else is written. Bytes that are not sent with the descriptors follow.
    Result<void> send_rights(Bytes bytes, std::span<const int> descriptors);
    CallbackInfo blame() const noexcept;
    std::string describe() const;
    LiveHandle live();
    std::size_t queued_in_all() noexcept;  // includes bytes queued in layers

    using Transport::write;
    bool write(Bytes piece) override;
    Clock::time_point now() const override;
    const Endpoint& peer() const override;
    const Endpoint& local() const override;
    ConnectionId id() const override;
    Result<PeerCredentials> peer_credentials() const override;
    std::pmr::memory_resource* memory() const noexcept override;

    static void on_poll(uv_poll_t* handle, int status, int events);

private:
    // The socket is not watched while no event is wanted, because a hang-up would be reported again and
    // again.
    static constexpr unsigned kMuted = kDriver;
    struct RareState;

    Loop& loop() const noexcept { return group_.loop; }
    RareState& rare_state() const;

    // socket_connection.cpp: the wire
    const ConnectionLimits& limits() const noexcept override { return group_.limits; }
    Clock::time_point clock() const noexcept override { return Clock::now(); }
    Sent transmit(const iovec* pieces, std::size_t count) override;
    Sent transmit_file(const FileRange& range, std::uint64_t most) override;
    void transmit_fin() noexcept override { ::shutdown(fd_, SHUT_WR); }
    void schedule_end_of_turn() override;
    void update_interest() override;
    void arm(Clock::time_point when) override;
    bool input_waiting() const noexcept override { return stream_wire::input_waiting(fd_); }
    void ask() override;
    CorkBuffer* cork_buffer() const noexcept override;
    bool entered() const noexcept override;
    void begin_callback() override;
    void end_callback() override;
    bool ends_when_idle() const noexcept override { return !group_.connect; }
    std::chrono::milliseconds quiet_for() const noexcept override {
        return stream_wire::quiet_for(fd_);
    }
    Transport::RareState* make_rare_state() const override;

    template <class Callback>
    void dispatch(Loop& l, Callback&& callback);
    void sent_less(ssize_t sent, std::size_t size);
    bool write_large(Bytes piece);
    void other_event(int status, int events);
    void hung_up(bool failed);
    void read_plain(Loop& l);
    void read_ready();
    void offer(Loop& l, std::size_t size);
    void offer_plain(Loop& l, std::size_t size);
    void offer_otherwise(std::size_t size);
    void offer_rest(std::size_t size, std::size_t used);
    void read_more(ssize_t got);
    void release_socket();
    Sent counted(const Sent& sent) noexcept;
    unsigned wanted() const noexcept;

    // socket_connecting.cpp: opening it
    bool take_over(Socket socket, const SocketAddress& peer);
    void open();
    Error ending(std::error_code reason) const noexcept;
    Endpoint made_peer() const;

    // This order leaves no gaps: the first two fill the padding of WheelNode. peer_ip_ and peer_port_ are an
    // Ipv4Peer; other peers are in RareState.
    std::uint8_t interest_ = 0;  // the events it is watched for
    std::uint16_t peer_port_ = 0;
    int fd_ = -1;
    std::uint32_t peer_ip_ = 0;
    ConnectionGroup& group_;
};

// The state that an idle connection does not need.
struct SocketConnection::RareState final : Transport::RareState {
    using Transport::RareState::RareState;
    ~RareState() override;
    void destroy() noexcept override { DestroyInResource<RareState>()(this); }

    Endpoint peer, local;
    std::unique_ptr<Connecting> connecting;  // until the connection is open
};

}  // namespace switchboard::detail
