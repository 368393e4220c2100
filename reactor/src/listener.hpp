// A listening socket of a reactor.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <switchboard/reactor.hpp>
#include <switchboard/socket.hpp>

#include "admission.hpp"
#include "loop.hpp"

namespace switchboard::detail {

// How a listening socket is opened, or taken over from whoever opened it: checked, and as was asked.
SocketOptions socket_options(const ListenOptions& options);
Result<Socket> take_listener(Socket socket, const ListenOptions& options);

// Accepts at most accepts_per_wake connections a turn, and no faster than accepts_per_second. Where
// accept fails, for want of descriptors or memory as a rule, it pauses, so that the backlog, which stays
// readable, cannot spin the loop; those who wait in it are served once there is room again. Closed with
// close(), destroyed by what that is given.
class Listener {
public:
    // Keeps `pause` timers by calling `after`.
    using After = std::function<TimerId(std::chrono::milliseconds, Reactor::Callback)>;

    Listener(Loop& loop, Socket socket, Endpoint local, std::unique_ptr<Admission> admission,
             ListenOptions options, After after, const Site& made);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    std::error_code start();
    void close(std::function<void()> closed);  // called after the events of this turn
    void hold(bool held);                      // whether the host wants it paused
    void forget_users();                       // of a closed one: what they gave goes now
    bool is_closed() const noexcept { return !socket_; }
    const Endpoint& local() const noexcept { return local_; }
    int fd() const noexcept { return socket_.fd(); }
    TimerId pause() const noexcept { return pause_; }
    LiveHandle live() const;
    // Of a group: whether another reactor has taken it.
    std::function<bool(Arrival&)> hand_off;

private:
    static void on_poll(uv_poll_t* handle, int status, int events);
    void watch(int events);
    bool rests() const noexcept { return held_ || pause_ != TimerId{}; }
    void pause_for(std::chrono::milliseconds time);
    void accept_ready();
    bool accept_one();
    void accept_later(std::error_code error);

    Loop& loop_;
    const Made made_;
    Socket socket_;
    Endpoint local_;
    std::unique_ptr<Admission> admission_;
    ListenOptions options_;
    After after_;
    TimerId pause_;
    std::size_t burst_ = 1;  // how many connections the next wake takes at most
    bool held_ = false;
};

}  // namespace switchboard::detail
