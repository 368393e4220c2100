// The parts of a reactor, put together.
#pragma once

#include <sys/types.h>

#include <list>
#include <memory>
#include <switchboard/reactor.hpp>
#include <thread>
#include <unordered_map>

#include "datagrams.hpp"
#include "listener.hpp"
#include "loop.hpp"
#include "offloads.hpp"
#include "posts.hpp"
#include "resolver.hpp"
#include "timers.hpp"

namespace switchboard {

// Outlives its Reactor on a ridden loop, until libuv has let go of the last handle.
class Reactor::Impl {
public:
    Impl(uv_loop_t* host, const ReactorOptions& options);

    Result<Listening> listen(const Endpoint& endpoint, ProtocolFactory factory,
                             ListenOptions options, const Site& made);
    Result<Listening> listen(Socket socket, const Endpoint& asked, ProtocolFactory factory,
                             ListenOptions options, const Site& made);
    // On a socket that listens already; `local` is what it is called.
    Result<Listening> start_listener(Socket socket, const Endpoint& local, ProtocolFactory factory,
                                     ListenOptions options,
                                     std::shared_ptr<detail::AcceptControl> control,
                                     const Site& made);
    detail::Listener* find(ListenerId id) noexcept;  // null once it is closed
    std::error_code refusal() const noexcept;        // why nothing is begun any more, if so
    Result<void> admits(const Limits& limits, const std::string& tried) const;  // another socket
    void close(ListenerId id);
    Result<Socket> share(ListenerId id);
    void hold(ListenerId id, bool held);
    void close_listeners();
    Result<ConnectionId> connect(const Endpoint& endpoint, std::unique_ptr<Protocol> protocol,
                                 ConnectOptions options, const Site& site);
    Result<void> on_signal(int signal, Callback fn);
    void run();
    bool run_ready();
    void stop();
    bool is_running() const noexcept { return thread_ != std::thread::id(); }
    void drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done);
    void abort();
    void close_all();  // once; nothing that a user gave is left after it
    static void destroy(std::unique_ptr<Impl> impl);  // after close_all()
    bool is_forked() const noexcept;                  // in a child of the process that made it
    std::vector<LiveHandle> why_alive();
    bool on_its_thread(const char* call) const;  // else says on stderr which call it was

    detail::Loop loop;
    detail::Timers timers;
    detail::Posts posts;
    detail::Offloads offloads;
    detail::Datagrams datagrams;
    detail::Resolver resolver;
    // Called from within drain(), by those who would have connected after it; they erase themselves.
    std::unordered_map<const void*, Callback> on_drain;

private:
    struct Signal {
        uv_signal_t handle;
        Callback fn;
        Impl* impl;
    };
    class Running;

    Result<Listening> listen_on(Socket socket, const Endpoint& asked, ProtocolFactory factory,
                                ListenOptions options, const Site& made);
    detail::SocketConnection& make_connection(detail::Origin& origin,
                                              std::unique_ptr<Protocol> protocol);
    void look_up(const Endpoint& endpoint, detail::SocketConnection& connection);
    bool turn();
    void abort_this_turn();
    void abort_rest();
    void finish_drain();
    void end_all();
    void forget_users();
    void abandon_all();

    std::unordered_map<std::uint64_t, std::unique_ptr<detail::Listener>> listeners_;
    std::uint64_t last_listener_ = 0;
    std::list<Signal> signals_;
    std::function<void(std::size_t)> drained_;
    TimerId drain_timer_;
    std::uint64_t drains_ = 0;  // calls of drain()
    std::size_t aborted_ = 0;
    const pid_t process_;
    std::thread::id thread_;  // of run(), while it runs
    bool stopped_ = false;
    bool closing_ = false;
    bool draining_ = false;
    bool aborting_ = false;  // the drain is past its deadline
};

}  // namespace switchboard
