#include "reactor.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <set>
#include <switchboard/plugin.hpp>
#include <utility>

#include "connection_number.hpp"
#include "errors.hpp"
#include "peer.hpp"
#include "stream.hpp"

namespace switchboard::plugin {
namespace {

thread_local sb_reactor* making_with = nullptr;

// Written only while the plugin registers its protocols.
std::set<std::string>& names_with_reactor() {
    static auto& names = *new std::set<std::string>;
    return names;
}

template <class Call>
void logging(const char* what, const Call& call) noexcept {
    try {
        call();
    } catch (const std::exception& thrown) {
        std::array<char, 256> text{};  // not a string: this may be std::bad_alloc
        std::snprintf(text.data(), text.size(), "%s threw: %s", what, thrown.what());
        host->log(host, 3, text.data());
    } catch (...) {
        host->log(host, 3, what);
    }
}

using Callback = HostReactor::Callback;

void run_callback(void* arg) {
    logging("a callback on the reactor", *static_cast<const Callback*>(arg));
}

template <class T>
void delete_arg(void* arg) {
    delete static_cast<T*>(arg);
}

struct Offloaded {
    HostReactor::Callback work;
    std::function<void(std::error_code)> done;
};

struct Resolving {
    std::string name;
    HostReactor::ResolveDone done;
};

void resolved(void* arg, const char* const* endpoints, std::size_t count, sb_error error) {
    const Resolving& resolving = *static_cast<const Resolving*>(arg);
    logging("done of a look-up", [&] {
        if (const auto code = from_c(error))
            return resolving.done(fail(code, "look up " + resolving.name));
        std::vector<Endpoint> found;
        for (std::size_t i = 0; i < count; ++i) {
            auto endpoint = Endpoint::parse(endpoints[i]);
            if (endpoint) found.push_back(std::move(*endpoint));
        }
        resolving.done(std::move(found));
    });
}

std::int64_t nanoseconds_of(std::chrono::milliseconds time) {
    // In milliseconds, because the same comparison in nanoseconds would overflow.
    constexpr auto longest =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds::max());
    if (time > longest) return SB_NEVER;
    return std::chrono::nanoseconds(std::max(time, std::chrono::milliseconds(0))).count();
}

}  // namespace

bool uses_reactor(const std::string& protocol) {
    return names_with_reactor().contains(protocol);
}

WithReactor::WithReactor(sb_reactor* reactor) noexcept {
    making_with = reactor;
}

WithReactor::~WithReactor() {
    making_with = nullptr;
}

void add(Registry& registry, Registration registration, MakeWithReactor make,
         MakeDatagramWithReactor make_datagram) {
    if (make)
        registration.make = [make = std::move(make)](const Options& options,
                                                     const ProtocolContext&) {
            return make(options, HostReactor(making_with));
        };
    if (make_datagram)
        registration.make_datagram = [make = std::move(make_datagram)](const Options& options,
                                                                       const ProtocolContext&) {
            return make(options, HostReactor(making_with));
        };
    names_with_reactor().insert(registration.name);
    registry.add(std::move(registration));
}

Result<ConnectionId> HostReactor::connect(const Endpoint& endpoint,
                                          std::unique_ptr<Protocol> protocol) const {
    const std::string text = endpoint.to_string();
    sb_error why{0, 0};
    const auto id = host->connect(reactor_, text.c_str(), &adopting_stream(), &protocol, &why);
    if (id == 0) return fail(from_c(why), "connect " + text);
    return id_of(id);
}

Connection* HostReactor::find(ConnectionId id) const noexcept {
    const sb_peer* const peer = host->find(reactor_, number_of(id));
    void* const state = peer ? host->state(peer) : nullptr;
    return state ? &connection_of(state) : nullptr;
}

HostReactor::PendingId HostReactor::after(std::chrono::milliseconds delay, Callback fn) const {
    return {host->after(reactor_, nanoseconds_of(delay), run_callback, delete_arg<Callback>,
                        new Callback(std::move(fn)))};
}

HostReactor::PendingId HostReactor::every(std::chrono::milliseconds period, Callback fn) const {
    return {host->every(reactor_, nanoseconds_of(period), run_callback, delete_arg<Callback>,
                        new Callback(std::move(fn)))};
}

void HostReactor::cancel(PendingId pending) const noexcept {
    host->cancel(reactor_, pending.value);
}

bool HostReactor::post(Callback fn) const {
    return host->post(reactor_, run_callback, delete_arg<Callback>, new Callback(std::move(fn))) !=
           0;
}

HostReactor::PendingId HostReactor::offload(Callback work,
                                            std::function<void(std::error_code)> done) const {
    const auto run = [](void* arg) { static_cast<const Offloaded*>(arg)->work(); };
    const auto end = [](void* arg, sb_error error) {
        logging("done of an offload",
                [&] { static_cast<const Offloaded*>(arg)->done(from_c(error)); });
    };
    return {host->offload(reactor_, run, end, delete_arg<Offloaded>,
                          new Offloaded{std::move(work), std::move(done)})};
}

HostReactor::PendingId HostReactor::resolve(const std::string& name, const std::string& service,
                                            ResolveDone done) const {
    return {host->resolve(reactor_, name.c_str(), service.c_str(), resolved, delete_arg<Resolving>,
                          new Resolving{name, std::move(done)})};
}

}  // namespace switchboard::plugin
