#include "server.hpp"

#include <cassert>
#include <cerrno>
#include <new>

namespace switchboard::detail {
namespace {

// The listener will never give a connection. Anything else may be better after a pause.
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
      most_connections_(options.limits.connections_allowed()),
      accounts_(options) {}

// The listener stays readable during a pause, so then only what ends the pause is waited for, and the
// listener is asked right after it.
Result<Socket> Server::accept(int wake, Clock::time_point until) const {
    const SharedListener::User user(listener_);
    const auto stopping = tl::unexpected(Error(errc::stopping));
    for (bool paused = false; listener_.fd() >= 0;) {
        pollfd entries[] = {{stop_.drain_fd(), POLLIN, 0},
                            {wake, POLLIN, 0},
                            {paused ? -1 : listener_.fd(), POLLIN, 0}};
        wait_for(entries, paused ? from_now(limits().accept_pause) : until);
        if (entries[0].revents != 0) return stopping;
        if (entries[1].revents != 0 || (entries[2].revents == 0 && !paused))
            return tl::unexpected(Error(std::make_error_code(std::errc::interrupted)));
        auto socket = listener_.accept();
        if (socket) ++stats().accepted;
        if (!socket && listener_.fd() < 0) break;  // a signal closed it meanwhile
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
        accounts_.refuse(socket, "the factory gave no protocol");
    } catch (const std::exception& e) {
        accounts_.refuse(socket, "the factory threw: ", e.what());
    } catch (...) {
        accounts_.refuse(socket, "the factory threw");
    }
    return nullptr;
}

bool Server::serve(Socket socket, const Workspace& workspace, ConnectionId id,
                   Ending& ending) const {
    auto protocol = make_protocol(socket);
    if (!protocol) return false;
    BlockingConnection connection(std::move(socket), std::move(protocol), limits(), workspace, id,
                                  &ending);
    accounts_.serve(connection);
    return true;
}

Result<void> Server::serve_in_turn(std::uint32_t worker, Ending& ending, int wake) const try {
    const Workspace workspace;
    for (ConnectionId id{worker, 1};; ++id.generation) {
        auto socket = accept(wake);
        if (!socket) return unless_stopping(socket.error());
        serve(std::move(*socket), workspace, id, ending);
    }
} catch (const std::bad_alloc&) {  // for the workspace
    return fail(std::make_error_code(std::errc::not_enough_memory), "serve");
}

Result<void> unless_stopping(const Error& why) {
    if (why == errc::stopping) return {};
    return tl::unexpected(why);
}

}  // namespace switchboard::detail

namespace switchboard {

void serve_connection(Socket socket, std::unique_ptr<Protocol> protocol,
                      const ServeOptions& options) {
    const detail::Accounts accounts(options);
    ++accounts.stats().accepted;
    if (!protocol) return accounts.refuse(socket, "there is no protocol for it");
    const detail::Workspace workspace;
    socket.set_blocking(Blocking::yes);  // inetd(8) may hand over either
    detail::BlockingConnection connection(std::move(socket), std::move(protocol), options.limits,
                                          workspace, ConnectionId{0, 1});
    accounts.serve(connection);
}

}  // namespace switchboard
