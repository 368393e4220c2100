// The datagram sockets of a reactor.
#pragma once

#include <uv.h>

#include <memory>
#include <switchboard/reactor_datagram.hpp>
#include <unordered_map>

#include "datagram/socket_port.hpp"
#include "loop.hpp"

namespace switchboard::detail {

class Datagrams;

// Constructed before the port, which asks the socket for its names.
struct OwnedSocket {
    Socket socket;
};

// One socket, watched by libuv, in the reactor's memory resource. Whatever ran a callback of it
// calls attend(). Destroyed after the events of the turn it is closed in.
class DatagramHandle final : private OwnedSocket, public SocketPort, public WheelNode {
public:
    DatagramHandle(std::pmr::memory_resource* memory, Loop& loop, Datagrams& owner,
                   std::uint64_t id, Socket opened, Endpoint local,
                   std::unique_ptr<DatagramProtocol> protocol, const Limits& limits, DatagramIo& io,
                   const Site& site);
    std::pmr::memory_resource* memory() const noexcept { return loop_.memory(); }

    std::error_code start();  // on_open comes at the end of the turn
    void end_of_turn();
    void expire_now();                 // the wheel came to where it was filed
    void end(std::error_code reason);  // on_close at once; not from within a callback
    void abandon();                    // in a forked child: closes its copy of the socket only
    Clock::time_point now() const override { return loop_.now(); }

    const Made made;

private:
    static void on_poll(uv_poll_t* handle, int status, int events);
    void transmit() override;
    void attend_later() override;
    Clock::time_point clock() const override { return Clock::now(); }
    void attend();
    void schedule(Clock::time_point when);
    void update_interest();
    void gone();

    Loop& loop_;
    Datagrams& owner_;
    const std::uint64_t id_;
    int interest_ = 0;      // what libuv watches for
    bool blocked_ = false;  // the socket takes no more
    bool listed_ = false;   // for the end of the turn
    bool gone_ = false;     // not watched any more
};

class Datagrams {
public:
    explicit Datagrams(Loop& loop) : loop_(loop) {}

    Result<DatagramBound> add(Socket socket, const Endpoint& local,
                              std::unique_ptr<DatagramProtocol> protocol, const Limits& limits,
                              const Site& site);
    void list(LiveHandles& all) const;
    DatagramHandle* find(std::uint64_t id) noexcept;  // null before on_open and once closed
    void count(ReactorStats& stats) const noexcept;
    void close_all();                      // each after its flush
    void end_all(std::error_code reason);  // now
    void abandon_all();                    // without a word to protocols or peers

private:
    friend class DatagramHandle;
    // Ids first: on_close may add sockets.
    template <class Act>
    void for_each(Act act);

    Loop& loop_;
    std::unique_ptr<DatagramIo> io_;  // 4 MiB of address space: with the first socket
    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, InResource<DatagramHandle>> handles_;
};

}  // namespace switchboard::detail
