// ReactorUse: what one use of a protocol has pending on a reactor.
#pragma once

#include <switchboard/plugin.h>
#include <map>
#include <memory>
#include <mutex>
#include <switchboard/limits.hpp>
#include <switchboard/offload.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/resolver.hpp>
#include <unordered_map>
#include <utility>
#include <variant>

#include "plugin.hpp"

namespace switchboard::plugin_host {

// Lives as long as what is pending. Threading: the reactor's thread, except where it says otherwise.
class ReactorUse {
public:
    using Pending = std::variant<TimerId, OffloadId, LookupId>;

    // Threading: any.
    ReactorUse(Reactor& on, const ConnectionLimits& with, Service& of)
        : reactor(on), limits(with), running(of.running), service_(of) {}
    ReactorUse(const ReactorUse&) = delete;
    ReactorUse& operator=(const ReactorUse&) = delete;

    void opened(sb_peer& peer);
    void closed(const sb_peer& peer) noexcept;
    sb_peer* find(std::uint64_t id) const noexcept;

    // A new id, and the place for what the reactor calls it.
    std::pair<std::uint64_t, Pending&> add() {
        const std::uint64_t id = ++last_;
        return {id, pending_[id]};
    }
    // Returns false if it was cancelled.
    bool remove(std::uint64_t id) noexcept { return pending_.erase(id) > 0; }
    void cancel(std::uint64_t id);
    // Cancels all. No callback runs any more.
    void end();
    bool has_ended() const noexcept { return ended_; }
    // Null if the service is being released.
    std::shared_ptr<Service> service() const noexcept { return service_.weak_from_this().lock(); }

    Reactor& reactor;
    const ConnectionLimits limits;
    const std::shared_ptr<Plugin> running;

private:
    Service& service_;  // until the end
    bool ended_ = false;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Pending> pending_;
    std::unordered_map<std::uint64_t, sb_peer*> peers_;  // the open connections
};

std::uint64_t id_of(const Connection& connection);

// Gives the service its sb_reactor. The reactor must exist until end_use(), or call it in its destructor.
void begin_use(Service& service, Reactor& reactor, const ConnectionLimits& limits);
void end_use(sb_reactor& reactor) noexcept;

}  // namespace switchboard::plugin_host

struct sb_reactor {
    explicit sb_reactor(switchboard::plugin_host::Plugin& of) noexcept : plugin(of) {}

    switchboard::plugin_host::Plugin& plugin;
    std::mutex mutex;  // of `use`, which other threads read in post()
    std::shared_ptr<switchboard::plugin_host::ReactorUse> use;  // null: it has ended
};
