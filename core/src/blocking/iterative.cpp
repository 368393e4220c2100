// One connection at a time, on the calling thread.
#include "server.hpp"

namespace switchboard {

Result<void> serve_iterative(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                             const ServeOptions& options) {
    if (auto fit = options.limits.check(); !fit) return fit;
    detail::Server server(std::move(listener), factory, stop, options);
    const auto ending = detail::Ending::create();
    if (!ending) return tl::unexpected(ending.error());
    const auto watchdog =
        detail::Watchdog::start(stop, options.limits.drain_deadline, server.listener(), **ending);
    if (!watchdog) return tl::unexpected(watchdog.error());
    return server.serve_in_turn(0, **ending);
}

}  // namespace switchboard
