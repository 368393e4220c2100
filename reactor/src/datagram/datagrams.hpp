// The datagram sockets of a reactor.
#pragma once

#include <uv.h>

#include <memory>
#include <switchboard/reactor_datagram.hpp>
#include <unordered_map>

#include "datagram/socket_port.hpp"
#include "loop/loop.hpp"

namespace switchboard::detail {

class Datagrams;

// A base class, so that it is constructed before the port, which reads the addresses of the socket.
struct OwnedSocket {
    Socket socket;
};

// One socket that libuv watches, in the reactor's memory resource. Every function that runs a callback of
// the protocol calls process_pending() afterwards. Destroyed after the events of the turn in which it is
// closed.
class DatagramHandle final : private OwnedSocket, public SocketPort, public WheelNode {
public:
    DatagramHandle(std::pmr::memory_resource* memory, Loop& loop, Datagrams& owner,
                   std::uint64_t id, Socket opened, Endpoint local,
                   std::unique_ptr<DatagramProtocol> protocol, const DatagramLimits& limits,
                   DatagramIo& io, const SourceLocation& location);
    std::pmr::memory_resource* memory() const noexcept { return loop_.memory(); }

    std::error_code start();  // on_open comes at the end of the turn
    void end_of_turn();
    void expire_now();                 // its entry in the timing wheel is due
    void end(std::error_code reason);  // on_close at once; not from within a callback
    void abandon();                    // in a forked child: only closes its copy of the socket
    Clock::time_point now() const override { return loop_.now(); }

    const Creation made;

private:
    static void on_poll(uv_poll_t* handle, int status, int events);
    void transmit() override;
    void schedule_end_of_turn() override;
    Clock::time_point clock() const override { return Clock::now(); }
    void process_pending();
    void schedule(Clock::time_point when);
    void update_interest();
    void gone();

    Loop& loop_;
    Datagrams& owner_;
    const std::uint64_t id_;
    int interest_ = 0;      // the events that libuv watches for
    bool blocked_ = false;  // the socket takes no more
    bool listed_ = false;   // end_of_turn() will be called
    bool gone_ = false;     // no longer watched
};

class Datagrams {
public:
    explicit Datagrams(Loop& loop) : loop_(loop) {}

    Result<DatagramBound> add(Socket socket, const Endpoint& local,
                              std::unique_ptr<DatagramProtocol> protocol,
                              const DatagramLimits& limits, const SourceLocation& location);
    void list(LiveHandles& all) const;
    DatagramHandle* find(std::uint64_t id) noexcept;  // null before on_open and once closed
    void count(ReactorStats& stats) const noexcept;
    void close_all();                      // flushes each
    void end_all(std::error_code reason);  // at once
    void abandon_all();                    // protocols and peers are not informed

private:
    friend class DatagramHandle;
    // Collects the ids first, because on_close may add sockets.
    template <class Act>
    void for_each(Act act);

    Loop& loop_;
    std::unique_ptr<DatagramIo> io_;  // created with the first socket: 4 MiB of address space
    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, InResource<DatagramHandle>> handles_;
};

}  // namespace switchboard::detail
