// One connection of a reactor: a non-blocking socket, watched by libuv, the wire of a Transport.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <switchboard/socket.hpp>
#include <switchboard/transport.hpp>

#include "ipv4_peer.hpp"
#include "made.hpp"
#include "origin.hpp"
#include "stream_wire.hpp"
#include "timing_wheel.hpp"
#include "transport_rare.hpp"

namespace switchboard::detail {

struct Blame;
class Connecting;

// Idle, it is this object and its protocol: what only some need is in Cold. What is asked for outside its own
// callbacks is done at the end of the turn (Loop::attend_later). Once closed it is freed after the events of
// the turn, as one of them may still be for it.
class SocketConnection final : public Transport, public WheelNode {
public:
    SocketConnection(std::uint32_t slot, Origin& origin, std::unique_ptr<Protocol> protocol);
    ~SocketConnection();

    void accept(Socket socket, const SocketAddress& peer);  // runs on_open
    // Connects: connect_timeout runs from now on, then come the addresses or an error.
    void connect(const Endpoint& endpoint);
    Connecting& connecting() const;  // until it is open or closed
    void connect_failed();           // as connecting() says; on_close comes later
    void schedule_attempt();         // the next one, or the end
    void connected(Socket socket, const SocketAddress& peer);
    void expire(Clock::time_point now);  // the wheel came to where it was filed
    void attend();                       // the end of the turn
    void out_of_memory() noexcept;       // costs this connection
    void stop();                         // the reactor drains: on_stop comes at the end of the turn
    void abandon();                      // in a forked child: closes its copy of the socket only
    void end(std::error_code reason, bool reset) override;  // at once: not from within a callback
    std::uint32_t slot() const noexcept { return number_; }
    Origin& origin() const noexcept { return origin_; }
    // Of a closed connection: the slot of the next one to be freed. It takes the descriptor's place.
    int next_closed() const noexcept { return fd_; }
    void set_next_closed(int slot) noexcept { fd_ = slot; }
    bool is_paused() const noexcept { return is(Phase::open) && innermost().held(); }
    bool is_writable() const noexcept { return may_write(); }
    bool was_open() const noexcept { return slot_.is_open(); }
    // Over a unix socket; nothing may have been written before. What is not taken of `bytes` follows.
    Result<void> send_rights(Bytes bytes, std::span<const int> descriptors);
    Blame blame() const noexcept;
    std::string describe() const;
    LiveHandle live();
    std::size_t queued_in_all() noexcept;  // what waits in layers included

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
    // The hang-up would be reported without end: the socket is not watched while nothing is wanted.
    static constexpr unsigned kMuted = kDriver;
    struct Cold;

    Loop& loop() const noexcept { return origin_.loop; }
    Cold& cold() const;

    // socket_connection.cpp: the wire
    const Limits& limits() const noexcept override { return origin_.limits; }
    Clock::time_point clock() const noexcept override { return Clock::now(); }
    Sent transmit(const iovec* pieces, std::size_t count) override;
    Sent transmit_file(const FileRange& range, std::uint64_t most) override;
    void transmit_fin() noexcept override { ::shutdown(fd_, SHUT_WR); }
    void attend_later() override;
    void update_interest() override;
    void arm(Clock::time_point when) override;
    bool input_waiting() const noexcept override { return stream_wire::input_waiting(fd_); }
    void ask() override;
    Scratch* scratch() const noexcept override;
    bool entered() const noexcept override;
    void begin_callback() override;
    void end_callback() override;
    bool ends_when_idle() const noexcept override { return !origin_.connect; }
    std::chrono::milliseconds quiet_for() const noexcept override {
        return stream_wire::quiet_for(fd_);
    }
    Rare* make_rare() const override;

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
    void let_go();
    Sent counted(const Sent& sent) noexcept;
    unsigned wanted() const noexcept;

    // socket_connecting.cpp: how it came to be
    bool take_over(Socket socket, const SocketAddress& peer);
    void open();
    Error ending(std::error_code reason) const noexcept;
    Endpoint made_peer() const;

    // In an order that leaves no gap: the first two lie in the padding of WheelNode. The peer's are an
    // Ipv4Peer, unless Cold has it.
    std::uint8_t interest_ = 0;  // what it is watched for
    std::uint16_t peer_port_ = 0;
    int fd_ = -1;
    std::uint32_t peer_ip_ = 0;
    Origin& origin_;
};

// What an idle connection does without.
struct SocketConnection::Cold final : Transport::Rare {
    using Rare::Rare;
    ~Cold() override;
    void destroy() noexcept override { DestroyInResource<Cold>()(this); }

    Endpoint peer, local;
    std::unique_ptr<Connecting> connecting;  // until it is open
};

}  // namespace switchboard::detail
