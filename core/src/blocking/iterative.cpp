// One connection at a time, on the calling thread.
#include "server.hpp"

namespace switchboard {

Result<void> serve_iterative(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                             const ServeOptions& options) {
    if (auto fit = detail::check(factory, options); !fit) return fit;
    detail::Server server(std::move(listener), factory, stop, options);
    const auto shutdown = detail::ShutdownControl::create();
    if (!shutdown) return tl::unexpected(shutdown.error());
    const auto watchdog =
        detail::Watchdog::start(stop, options.server.drain_timeout, server.listener(), **shutdown);
    if (!watchdog) return tl::unexpected(watchdog.error());
    return server.serve_in_turn(0, **shutdown);
}

}  // namespace switchboard
