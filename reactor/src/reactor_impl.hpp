// ReactorImpl: a reactor, made of its parts.
#pragma once

#include <sys/types.h>

#include <memory>
#include <switchboard/reactor.hpp>
#include <thread>
#include <unordered_map>

#include "datagram/datagrams.hpp"
#include "listen/listener.hpp"
#include "loop/loop.hpp"
#include "loop/offloads.hpp"
#include "loop/posts.hpp"
#include "loop/signals.hpp"
#include "loop/timers.hpp"
#include "resolve/resolver.hpp"

namespace switchboard::detail {

// On a host's loop it outlives its Reactor until libuv has closed the last handle.
class ReactorImpl {
public:
    using Callback = Reactor::Callback;

    ReactorImpl(uv_loop_t* host, const ReactorOptions& options);

    Result<Listening> listen(const Endpoint& endpoint, ProtocolFactory factory,
                             ListenOptions options, const SourceLocation& location);
    Result<Listening> listen(Socket socket, const Endpoint& asked, ProtocolFactory factory,
                             ListenOptions options, const SourceLocation& location);
    // `socket` listens already; `local` is its name.
    Result<Listening> start_listener(Socket socket, const Endpoint& local, ProtocolFactory factory,
                                     ListenOptions options, std::shared_ptr<AcceptLimits> control,
                                     const SourceLocation& location);
    Listener* find(ListenerId id) noexcept;    // null once it is closed
    std::error_code refusal() const noexcept;  // set if nothing may be started
    // Fails if no further socket, or no further listener, may be opened.
    Result<void> admits(const std::string& tried) const;
    Result<void> admits(const Endpoint& asked, const ListenOptions& options) const;
    void close(ListenerId id);
    Result<Socket> share(ListenerId id);
    void hold(ListenerId id, bool held);
    void close_listeners();
    Result<ConnectionId> connect(const Endpoint& endpoint, std::unique_ptr<Protocol> protocol,
                                 ConnectOptions options, const SourceLocation& location);
    void run();
    bool run_ready();
    void stop();
    bool is_running() const noexcept { return thread_ != std::thread::id(); }
    void drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done);
    void abort();
    void close_all();  // ends everything and destroys what users gave; later calls do nothing
    static void destroy(std::unique_ptr<ReactorImpl> impl);  // after close_all()
    bool is_forked() const noexcept;  // in a child of the process that created it
    std::vector<LiveHandle> active_handles();
    bool on_its_thread(const char* call) const;  // if not, prints `call` to stderr

    Loop loop;
    Timers timers;
    Posts posts;
    Offloads offloads;
    Datagrams datagrams;
    Resolver resolver;
    Signals signals;
    // Called within drain(). Parts that would connect later add a hook, and remove it themselves.
    std::unordered_map<const void*, Callback> drain_hooks;

private:
    class Running;

    Result<Listening> listen_on(Socket socket, const Endpoint& asked, ProtocolFactory factory,
                                ListenOptions options, const SourceLocation& location);
    SocketConnection& make_connection(ConnectionGroup& group, std::unique_ptr<Protocol> protocol);
    void look_up(const Endpoint& endpoint, SocketConnection& connection);
    bool turn();
    void abort_this_turn();
    void abort_rest();
    void finish_drain();
    void end_all();
    void forget_users();
    void abandon_all();

    std::unordered_map<std::uint64_t, std::unique_ptr<Listener>> listeners_;
    std::uint64_t last_listener_ = 0;
    std::function<void(std::size_t)> drained_;
    TimerId drain_timer_;
    std::uint64_t drains_ = 0;  // calls of drain()
    std::size_t aborted_ = 0;
    const pid_t process_;
    std::thread::id thread_;  // the thread of run() while it runs
    bool stopped_ = false;
    bool closing_ = false;
    bool draining_ = false;
    bool aborting_ = false;  // the deadline of the drain has passed
};

}  // namespace switchboard::detail
