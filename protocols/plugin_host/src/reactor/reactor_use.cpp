#include "reactor_use.hpp"

#include <utility>

#include "connection_number.hpp"

namespace switchboard::plugin_host {

std::uint64_t id_of(const Connection& connection) {
    return plugin::number_of(connection.id());
}

void ReactorUse::opened(sb_peer& peer) {
    peers_[id_of(*peer.connection)] = &peer;
}

// After switch_to() the next protocol may have taken the place already.
void ReactorUse::closed(const sb_peer& peer) noexcept {
    const auto found = peers_.find(id_of(*peer.connection));
    if (found != peers_.end() && found->second == &peer) peers_.erase(found);
}

sb_peer* ReactorUse::find(std::uint64_t id) const noexcept {
    const auto found = peers_.find(id);
    return found == peers_.end() ? nullptr : found->second;
}

void ReactorUse::cancel(std::uint64_t id) {
    const auto found = pending_.extract(id);
    if (!found) return;
    struct {
        Reactor& reactor;
        void operator()(TimerId timer) const { reactor.cancel(timer); }
        void operator()(OffloadId offload) const { switchboard::cancel(reactor, offload); }
        void operator()(LookupId lookup) const { switchboard::cancel(reactor, lookup); }
    } const canceller{reactor};
    std::visit(canceller, found.mapped());
}

void ReactorUse::end() {
    ended_ = true;
    while (!pending_.empty()) cancel(pending_.begin()->first);
}

void begin_use(Service& service, Reactor& reactor, const ConnectionLimits& limits) {
    auto use = std::make_shared<ReactorUse>(reactor, limits, service);
    sb_reactor& handle = service.running->reactors().take();
    const std::lock_guard lock(handle.mutex);
    handle.use = std::move(use);
    service.reactor = &handle;
}

void end_use(sb_reactor& reactor) noexcept {
    std::shared_ptr<ReactorUse> ended;
    {
        const std::lock_guard lock(reactor.mutex);
        ended = std::exchange(reactor.use, nullptr);
    }
    ended->end();
    reactor.plugin.reactors().give_back(reactor);
}

}  // namespace switchboard::plugin_host
