#include "host_reactor.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "call.hpp"
#include "connection_number.hpp"
#include "lent.hpp"
#include "plugin_protocol.hpp"
#include "reactor_use.hpp"

namespace switchboard::plugin_host {
namespace {

using std::chrono::milliseconds;
using Run = void (*)(void*);
using Done = void (*)(void*, sb_error);
using ResolveEnd = void (*)(void*, const char* const*, std::size_t, sb_error);

// One call of a plugin: the use that it is for, and what it lends.
struct PluginCall {
    std::shared_ptr<ReactorUse> use;
    std::shared_ptr<const Lent> lent;
};

// Returns null, and logs the call, if the use has ended. Threading: any.
std::shared_ptr<ReactorUse> use_of(sb_reactor* reactor, const char* call) noexcept {
    const std::lock_guard lock(reactor->mutex);
    if (!reactor->use)
        reactor->plugin.log(LogLevel::error, call, "() after the end of the use of that reactor");
    return reactor->use;
}

PluginCall plugin_call(sb_reactor* reactor, const char* call, Release release, void* arg) {
    auto use = use_of(reactor, call);
    Lent lent(use ? use->running : nullptr, reactor->plugin, release, arg);
    return {std::move(use), std::make_shared<const Lent>(std::move(lent))};
}

// Returns 0 if there is no memory.
template <class Call>
std::uint64_t or_zero(Call call) noexcept {
    return or_if_no_memory(std::uint64_t{0}, call);
}

template <class Callback, class... Values>
void call_back(const Lent& lent, const char* name, Callback callback, Values... values) noexcept {
    try {
        callback(lent.owner(), values...);
    } catch (...) {
        lent.plugin().log(LogLevel::error, name, " threw, which it must not");
    }
}

// Starts with `start(id)`, which returns an id of the reactor, and keeps it for cancel().
template <class Start>
std::uint64_t pend(ReactorUse& use, Start start) {
    const auto [id, place] = use.add();  // first, because afterwards nothing may fail
    const auto started = start(id);
    place = started;
    if (started.value != 0) return id;
    use.remove(id);  // the reactor ends
    return 0;
}

milliseconds rounded_up(std::int64_t nanoseconds) noexcept {
    return std::chrono::ceil<milliseconds>(
        std::chrono::nanoseconds(std::max<std::int64_t>(nanoseconds, 0)));
}

std::uint64_t after(sb_reactor* reactor, std::int64_t delay, Run run, Release release, void* arg) {
    return or_zero([&]() -> std::uint64_t {
        const auto [use, lent] = plugin_call(reactor, "after", release, arg);
        if (!use) return 0;
        return pend(*use, [&, &use = use, &lent = lent](std::uint64_t id) {
            return use->reactor.after(rounded_up(delay), [use, lent, run, id] {
                use->remove(id);
                call_back(*lent, "a timer", run);
            });
        });
    });
}

std::uint64_t every(sb_reactor* reactor, std::int64_t period, Run run, Release release, void* arg) {
    return or_zero([&]() -> std::uint64_t {
        const auto [use, lent] = plugin_call(reactor, "every", release, arg);
        if (!use) return 0;
        return pend(*use, [&, &use = use, &lent = lent](std::uint64_t) {
            return use->reactor.every(rounded_up(period),
                                      [lent, run] { call_back(*lent, "a timer", run); });
        });
    });
}

int post(sb_reactor* reactor, Run run, Release release, void* arg) {
    const auto posted = or_zero([&]() -> std::uint64_t {
        const PluginCall call = plugin_call(reactor, "post", release, arg);  // outlives the lock
        if (!call.use) return 0;
        const std::lock_guard lock(reactor->mutex);  // so that the reactor exists
        if (reactor->use != call.use) return 0;
        call.use->reactor.post([call, run] {
            if (!call.use->has_ended()) call_back(*call.lent, "a post", run);
        });
        return 1;
    });
    return static_cast<int>(posted);
}

std::uint64_t offload(sb_reactor* reactor, Run work, Done done, Release release, void* arg) {
    return or_zero([&]() -> std::uint64_t {
        const auto [use, lent] = plugin_call(reactor, "offload", release, arg);
        if (!use) return 0;
        return pend(*use, [&, &use = use, &lent = lent](std::uint64_t id) {
            return switchboard::offload(
                use->reactor, [lent, work](const CancelToken&) { work(lent->owner()); },
                [use, lent, done, id](std::error_code error) {
                    if (use->remove(id))
                        call_back(*lent, "done() of an offload", done, lent->plugin().to_c(error));
                });
        });
    });
}

void tell(const Lent& lent, ResolveEnd done, const Result<std::vector<SocketAddress>>& found) {
    std::vector<std::string> texts;
    std::vector<const char*> endpoints;
    sb_error error{0, 0};
    if (found) {
        for (const SocketAddress& each : *found) texts.push_back(Endpoint::from(each).to_string());
    } else {
        error = lent.plugin().to_c(found.error());
    }
    endpoints.reserve(texts.size());
    for (const std::string& each : texts) endpoints.push_back(each.c_str());
    call_back(lent, "done() of a look-up", done, endpoints.data(), endpoints.size(), error);
}

std::uint64_t resolve(sb_reactor* reactor, const char* name, const char* service, ResolveEnd done,
                      Release release, void* arg) {
    return or_zero([&]() -> std::uint64_t {
        const auto [use, lent] = plugin_call(reactor, "resolve", release, arg);
        if (!use) return 0;
        return pend(*use, [&, &use = use, &lent = lent](std::uint64_t id) {
            return switchboard::resolve(
                use->reactor, name, service,
                [use, lent, done, id](const Result<std::vector<SocketAddress>>& found) {
                    if (use->remove(id)) tell(*lent, done, found);
                });
        });
    });
}

void cancel(sb_reactor* reactor, std::uint64_t id) {
    const std::shared_ptr<ReactorUse> use = [&] {
        const std::lock_guard lock(reactor->mutex);
        return reactor->use;
    }();
    if (use) use->cancel(id);
}

Result<ConnectionId> start_connect(const ReactorUse& use, const char* text, const sb_stream* stream,
                                   void* data) {
    const auto endpoint = Endpoint::parse(text);
    if (!endpoint) return tl::unexpected(endpoint.error());
    StreamTable* const table = use.running->stream_of(stream, "connect");
    if (!table) return fail(std::make_error_code(std::errc::invalid_argument), "");
    auto service = use.service();
    if (!service) return fail(errc::stopping, "");
    auto protocol = PluginProtocol::make_for(*table, std::move(service), data);
    if (!protocol) return fail(std::make_error_code(std::errc::operation_canceled), "");
    return use.reactor.connect(*endpoint, std::move(protocol), {.limits = use.limits});
}

std::uint64_t connect(sb_reactor* reactor, const char* endpoint, const sb_stream* stream,
                      void* data, sb_error* why) {
    *why = kNoMemory;
    return or_zero([&]() -> std::uint64_t {
        const auto use = use_of(reactor, "connect");
        const auto started =
            use ? start_connect(*use, endpoint, stream, data) : fail(errc::stopping, "");
        *why = started ? sb_error{0, 0} : reactor->plugin.to_c(started.error());
        return started ? plugin::number_of(*started) : 0;
    });
}

sb_peer* find(sb_reactor* reactor, std::uint64_t id) {
    const auto use = use_of(reactor, "find");
    return use ? use->find(id) : nullptr;
}

void* state(const sb_peer* peer) {
    // The state is the plugin's own, which may change it.
    return peer->connection ? PluginProtocol::state_of(const_cast<sb_peer*>(peer)) : nullptr;
}

}  // namespace

void add_reactor_calls(sb_host& table) noexcept {
    table.connect = connect;
    table.find = find;
    table.state = state;
    table.after = after;
    table.every = every;
    table.post = post;
    table.offload = offload;
    table.resolve = resolve;
    table.cancel = cancel;
}

}  // namespace switchboard::plugin_host
