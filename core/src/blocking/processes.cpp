// A child process per connection.
#include "processes.hpp"

#include <csignal>

namespace switchboard {
namespace detail {

using namespace std::chrono_literals;

void wait_and_reap(ChildGroup& children, int fd, Clock::time_point until,
                   const EndedCallback& on_ended) {
    pollfd entries[] = {{fd, POLLIN, 0}, {children.fd(), POLLIN, 0}};
    wait_for(entries, std::min(until, children.next_sweep()));
    children.reap(on_ended);
}

void drain_children(const Server& server, ChildGroup& children, ShutdownControl& shutdown,
                    const EndedCallback& on_ended) {
    // The time for on_close after the abort. A handler that computes does not get more.
    constexpr auto grace = 1000ms, again = 10ms;
    const auto deadline = from_now(server.limits().drain_timeout);
    shutdown.drain();
    while (children.count() > 0 && Clock::now() < deadline && !server.stop().aborting())
        wait_and_reap(children, server.stop().abort_fd(), deadline, on_ended);
    shutdown.abort_all();
    // Repeated, because a signal that comes just before a child blocks interrupts nothing.
    for (const auto end = Clock::now() + grace; children.count() > 0 && Clock::now() < end;) {
        children.signal(SIGTERM);
        wait_and_reap(children, -1, Clock::now() + again, on_ended);
    }
    while (children.count() > 0) {
        children.signal(SIGKILL);
        wait_and_reap(children, -1, Clock::now() + again, on_ended);
    }
}

}  // namespace detail

namespace {

using namespace detail;

constexpr int kServed = 0, kRefused = 3, kCut = 4;  // exit statuses of a child

class ForkingServer {
public:
    ForkingServer(Server& server, ChildGroup& children, ShutdownControl& shutdown)
        : server_(server), children_(children), shutdown_(shutdown) {}

    Result<void> serve() {
        for (ConnectionId id{0, 1};; ++id.generation) {
            auto socket = next();
            if (socket) {
                start(std::move(*socket), id);
                continue;
            }
            server_.listener().close();
            drain_children(server_, children_, shutdown_, on_ended_);
            return unless_stopping(socket.error());
        }
    }

private:
    Result<Socket> next() {
        for (;;) {
            children_.reap(on_ended_);
            auto socket = server_.accept(children_.fd(), children_.next_sweep());
            if (socket || socket.error() != std::errc::interrupted) return socket;
        }
    }

    void start(Socket socket, ConnectionId id) {
        if (children_.count() >= server_.most_connections())
            return server_.refuse(socket, "too many connections");
        const auto work = [&] { return serve_alone(socket, id); };
        const auto child = children_.spawn(std::ref(work));  // by reference: without an allocation
        if (!child) return server_.refuse(socket, child.error());
        ++server_.stats().open;
    }

    // In the child.
    int serve_alone(Socket& socket, ConnectionId id) {
        server_.listener().detach();
        ServeStats own;  // the parent does the counting; the host's may be in shared memory
        server_.count_in(own);
        const Workspace workspace;
        if (!server_.serve(std::move(socket), workspace, id, shutdown_)) return kRefused;
        return own.aborted_by_stop > 0 ? kCut : kServed;
    }

    void count_out(const EndedChild& ended) {
        ServeStats& stats = server_.stats();
        --stats.open;
        const int status = ended.exit_status.value_or(-1);
        ++(status == kRefused ? stats.refused : stats.closed);
        const bool failed = status != kServed && status != kRefused && status != kCut;
        if (status == kCut || (failed && server_.stop().draining())) ++stats.aborted_by_stop;
        if (failed) server_.log(LogLevel::error, ended);
    }

    Server& server_;
    ChildGroup& children_;
    ShutdownControl& shutdown_;
    const EndedCallback on_ended_ = [this](const EndedChild& ended) { count_out(ended); };
};

}  // namespace

Result<void> serve_processes(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                             const ServeOptions& options) {
    if (auto fit = check(factory, options); !fit) return fit;
    Server server(std::move(listener), factory, stop, options);
    const auto shutdown = ShutdownControl::create();
    if (!shutdown) return tl::unexpected(shutdown.error());
    const auto children = ChildGroup::create();
    if (!children) return tl::unexpected(children.error());
    return ForkingServer(server, **children, **shutdown).serve();
}

}  // namespace switchboard
