#include "server.hpp"

#include <cassert>
#include <cerrno>
#include <new>

namespace switchboard::detail {
namespace {

// Returns whether the listener itself is unusable. After any other error, accept(2) may succeed after a
// pause.
bool broken(const std::error_code& e) {
    return e == std::errc::bad_file_descriptor || e == std::errc::invalid_argument ||
           e == std::errc::not_a_socket || e == std::errc::operation_not_supported;
}

}  // namespace

Server::Server(Socket listener, const ProtocolFactory& factory, const Stop& stop,
               const ServeOptions& options)
    : listener_(std::move(listener)),
      factory_(factory),
      stop_(stop),
      options_(options),
      most_connections_(options.server.connections_allowed()),
      connection_log_(options) {}

// The listener stays readable during a pause. So the listener is not polled then; accept(2) is called right
// after the pause.
Result<Socket> Server::accept(int wake, Clock::time_point until) const {
    const SharedListener::User user(listener_);
    const auto stopping = tl::unexpected(Error(errc::stopping));
    for (bool paused = false; listener_.fd() >= 0;) {
        pollfd entries[] = {{stop_.drain_fd(), POLLIN, 0},
                            {wake, POLLIN, 0},
                            {paused ? -1 : listener_.fd(), POLLIN, 0}};
        wait_for(entries, paused ? from_now(limits().accept_retry_delay) : until);
        if (entries[0].revents != 0) return stopping;
        if (entries[1].revents != 0 || (entries[2].revents == 0 && !paused))
            return tl::unexpected(Error(std::make_error_code(std::errc::interrupted)));
        auto socket = listener_.accept();
        if (socket) ++stats().accepted;
        if (!socket && listener_.fd() < 0) break;  // a signal handler closed it meanwhile
        if (socket || broken(socket.error())) return socket;
        paused = socket.error() != std::errc::operation_would_block;
        if (paused) count_failed_accept(socket.error());
    }
    return stopping;
}

void Server::count_failed_accept(const Error& why) const {
    ++stats().accept_errors;
    log(LogLevel::warning, why);
}

std::unique_ptr<Protocol> Server::make_protocol(const Socket& socket) const {
    try {
        if (auto protocol = factory_()) return protocol;
        connection_log_.refuse(socket, "the factory returned no protocol");
    } catch (const std::exception& e) {
        connection_log_.refuse(socket, "the factory threw: ", e.what());
    } catch (...) {
        connection_log_.refuse(socket, "the factory threw");
    }
    return nullptr;
}

bool Server::serve(Socket socket, const Workspace& workspace, ConnectionId id,
                   ShutdownControl& shutdown) const {
    auto protocol = make_protocol(socket);
    if (!protocol) return false;
    BlockingConnection connection(std::move(socket), std::move(protocol), options_.connection,
                                  workspace, id, &shutdown);
    connection_log_.serve(connection);
    return true;
}

Result<void> Server::serve_in_turn(std::uint32_t worker, ShutdownControl& shutdown, int wake) const
    try {
    const Workspace workspace;
    for (ConnectionId id{worker, 1};; ++id.generation) {
        auto socket = accept(wake);
        if (!socket) return unless_stopping(socket.error());
        serve(std::move(*socket), workspace, id, shutdown);
    }
} catch (const std::bad_alloc&) {  // for the workspace
    return fail(std::make_error_code(std::errc::not_enough_memory), "serve");
}

Result<void> check(const ProtocolFactory& factory, const ServeOptions& options) {
    if (!factory)
        return fail(std::make_error_code(std::errc::invalid_argument),
                    "serve: the protocol factory is empty");
    if (auto fit = options.server.check_without_reactor(); !fit) return fit;
    return options.connection.check();
}

Result<void> unless_stopping(const Error& why) {
    if (why == errc::stopping) return {};
    return tl::unexpected(why);
}

}  // namespace switchboard::detail

namespace switchboard {

void serve_connection(Socket socket, std::unique_ptr<Protocol> protocol,
                      const ServeOptions& options) {
    const detail::ConnectionLog connection_log(options);
    ++connection_log.stats().accepted;
    if (!protocol) return connection_log.refuse(socket, "no protocol was given");
    const detail::Workspace workspace;
    // inetd(8) may pass a blocking or a non-blocking socket. This fails only if it is not a descriptor;
    // recv() then fails, too.
    (void)socket.set_blocking(Blocking::yes);
    detail::BlockingConnection connection(std::move(socket), std::move(protocol),
                                          options.connection, workspace, ConnectionId{0, 1});
    connection_log.serve(connection);
}

}  // namespace switchboard
