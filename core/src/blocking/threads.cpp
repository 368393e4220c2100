// A thread per connection, and a pool of threads.
#include <new>

#include "server.hpp"
#include "thread_group.hpp"

namespace switchboard {
namespace {

using namespace detail;

// Memory for the connection may be what is missing.
void serve_alone(const Server& server, Socket& socket, ConnectionId id, Ending& ending) {
    try {
        const Workspace workspace;
        server.serve(std::move(socket), workspace, id, ending);
    } catch (const std::bad_alloc&) {
        server.refuse(socket, "out of memory");
    }
}

void start(const Server& server, ThreadGroup& threads, Socket accepted, ConnectionId id,
           Ending& ending) {
    if (threads.count() >= server.most_connections())
        return server.refuse(accepted, "too many connections");
    // Shared, as std::function copies, and because a failed start must leave it to be refused.
    std::shared_ptr<Socket> socket;
    try {
        socket = std::make_shared<Socket>();
        *socket = std::move(accepted);
        const auto started = threads.start(
            [&server, &ending, socket, id] { serve_alone(server, *socket, id, ending); });
        if (!started) server.refuse(*socket, started.error());
    } catch (const std::bad_alloc&) {
        server.refuse(socket ? *socket : accepted, "out of memory");
    }
}

Result<void> serve_each(const Server& server, Ending& ending) {
    ThreadGroup threads;
    for (ConnectionId id{0, 1};; ++id.generation) {
        auto socket = server.accept();
        if (!socket) return unless_stopping(socket.error());
        start(server, threads, std::move(*socket), id, ending);
    }
}

// The calling thread is one of the workers, so the pool has at least one.
Result<void> serve_pooled(const Server& server, Ending& ending) {
    ThreadGroup threads;
    for (std::uint32_t worker = 1; worker < server.workers(); ++worker) {
        const auto started = threads.start([&server, &ending, worker] {
            const auto served = server.serve_in_turn(worker, ending);
            if (!served) server.log(LogLevel::error, served.error());
        });
        if (!started) server.log(LogLevel::error, started.error());
    }
    return server.serve_in_turn(0, ending);
}

// The watchdog outlives the threads: it ends what they are blocked in.
Result<void> with_watchdog(Server&& server,
                           Result<void> (*serve)(const Server& server, Ending& ending)) {
    const auto ending = Ending::create();
    if (!ending) return tl::unexpected(ending.error());
    const auto watchdog =
        Watchdog::start(server.stop(), server.limits().drain_deadline, server.listener(), **ending);
    if (!watchdog) return tl::unexpected(watchdog.error());
    return serve(server, **ending);
}

}  // namespace

Result<void> serve_threads(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                           const ServeOptions& options) {
    if (auto fit = options.limits.check(); !fit) return fit;
    return with_watchdog(Server(std::move(listener), factory, stop, options), serve_each);
}

Result<void> serve_thread_pool(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                               const ServeOptions& options) {
    if (auto fit = options.limits.check(); !fit) return fit;
    return with_watchdog(Server(std::move(listener), factory, stop, options), serve_pooled);
}

}  // namespace switchboard
