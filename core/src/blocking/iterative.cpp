// One connection at a time, on the calling thread.
#include "server.hpp"

namespace switchboard {

Result<void> serve_iterative(const Socket& listener, const ProtocolFactory& factory,
                             const Stop& stop, const ServeOptions& options) {
    const detail::Server server(listener, factory, stop, options);
    const auto ending = detail::Ending::create();
    if (!ending) return tl::unexpected(ending.error());
    const auto watchdog = detail::Watchdog::start(stop, options.limits.drain_deadline, **ending);
    if (!watchdog) return tl::unexpected(watchdog.error());
    return server.serve_in_turn(0, **ending);
}

}  // namespace switchboard
