// A thread per connection, and a pool of threads.
#include <new>

#include "server.hpp"
#include "thread_group.hpp"

namespace switchboard {
namespace {

using namespace detail;

// Runs out of memory safely: the connection is refused then.
void serve_alone(const Server& server, Socket& socket, ConnectionId id, ShutdownControl& shutdown) {
    try {
        const Workspace workspace;
        server.serve(std::move(socket), workspace, id, shutdown);
    } catch (const std::bad_alloc&) {
        server.refuse(socket, "out of memory");
    }
}

void start(const Server& server, ThreadGroup& threads, Socket accepted, ConnectionId id,
           ShutdownControl& shutdown) {
    if (threads.count() >= server.most_connections())
        return server.refuse(accepted, "too many connections");
    // Shared, because std::function needs a copyable object and a failed start must be able to refuse the
    // socket.
    std::shared_ptr<Socket> socket;
    try {
        socket = std::make_shared<Socket>();
        *socket = std::move(accepted);
        const auto started = threads.start(
            [&server, &shutdown, socket, id] { serve_alone(server, *socket, id, shutdown); });
        if (!started) server.refuse(*socket, started.error());
    } catch (const std::bad_alloc&) {
        server.refuse(socket ? *socket : accepted, "out of memory");
    }
}

Result<void> serve_each(const Server& server, ShutdownControl& shutdown) {
    ThreadGroup threads;
    for (ConnectionId id{0, 1};; ++id.generation) {
        auto socket = server.accept();
        if (!socket) return unless_stopping(socket.error());
        start(server, threads, std::move(*socket), id, shutdown);
    }
}

// The calling thread is one of the workers, so the pool has at least one.
Result<void> serve_pooled(const Server& server, ShutdownControl& shutdown) {
    ThreadGroup threads;
    for (std::uint32_t worker = 1; worker < server.workers(); ++worker) {
        const auto started = threads.start([&server, &shutdown, worker] {
            const auto served = server.serve_in_turn(worker, shutdown);
            if (!served) server.log(LogLevel::error, served.error());
        });
        if (!started) server.log(LogLevel::error, started.error());
    }
    return server.serve_in_turn(0, shutdown);
}

// The watchdog must outlive the threads, because it interrupts their blocked calls.
Result<void> with_watchdog(Server&& server,
                           Result<void> (*serve)(const Server& server, ShutdownControl& shutdown)) {
    const auto shutdown = ShutdownControl::create();
    if (!shutdown) return tl::unexpected(shutdown.error());
    const auto watchdog = Watchdog::start(server.stop(), server.limits().drain_timeout,
                                          server.listener(), **shutdown);
    if (!watchdog) return tl::unexpected(watchdog.error());
    return serve(server, **shutdown);
}

}  // namespace

Result<void> serve_threads(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                           const ServeOptions& options) {
    if (auto fit = check(factory, options); !fit) return fit;
    return with_watchdog(Server(std::move(listener), factory, stop, options), serve_each);
}

Result<void> serve_thread_pool(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                               const ServeOptions& options) {
    if (auto fit = check(factory, options); !fit) return fit;
    return with_watchdog(Server(std::move(listener), factory, stop, options), serve_pooled);
}

}  // namespace switchboard
