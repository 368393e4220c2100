// Plugins in C++: write a Protocol as anywhere else, and register it in the body of SWITCHBOARD_PLUGIN.
#pragma once

#include <switchboard/plugin.h>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <switchboard/registry.hpp>

// Makes a shared object a plugin: defines switchboard_plugin() of plugin.h. Use it in one source of the
// plugin, outside of all namespaces. Name, version and summary are string literals. The body is given
// `registry` and adds the protocols, by hand or with a function such as register_inetd(). It runs once,
// when the host reads the plugin, and must not start anything. If it throws, the host refuses the plugin
// and reports what was thrown.
//
//     SWITCHBOARD_PLUGIN("kv", "1.0", "a key-value store") {
//         registry.add({.name = "kv", .summary = "a key-value store", .make = make_kv});
//     }
//
// Link switchboard::plugin, or use switchboard_add_plugin() of CMake. Host and plugin share nothing but the C
// interface, so their compilers, flags and versions of this library may differ. A plugin differs from a
// linked protocol in these points:
//
// - A plugin has no Reactor, so the host refuses it if a Registration says that it needs one. A protocol of
//   the plugin's own uses a HostReactor instead, and is registered with plugin::add().
// - ProtocolContext has no reactor and the default limits. Connection::memory() is the default resource of
//   the plugin.
// - errc and the errors of the system keep their meaning on both sides. Errors of other categories keep
//   their text.
#define SWITCHBOARD_PLUGIN(name, version, summary)                                 \
    static void switchboard_register_protocols(::switchboard::Registry& registry); \
    extern "C" const sb_plugin* switchboard_plugin(uint32_t) {                     \
        return ::switchboard::plugin::describe({name, version, summary},           \
                                               switchboard_register_protocols);    \
    }                                                                              \
    static void switchboard_register_protocols([[maybe_unused]] ::switchboard::Registry& registry)

namespace switchboard::plugin {

// The reactor of the host, for one use of a protocol that was registered with add(). A small value that may
// be copied and kept by the factory, its protocols and their callbacks, which the reactor outlives. When the
// last connection of the use has ended and its factory is gone, everything that is pending is cancelled.
//
// The members make the same promises as Reactor, offload() and resolve(). Threading: the reactor's thread,
// except post(). Callbacks run from within the reactor's run(), never from within a member. What they throw
// is logged. They and what they own are destroyed on the reactor's thread, except as offload() says.
class HostReactor {
public:
    using Callback = std::function<void()>;
    using ResolveDone = std::function<void(Result<std::vector<Endpoint>>)>;
    struct PendingId {  // of a timer, an offload or a look-up; 0 is none
        std::uint64_t value = 0;
        friend bool operator==(const PendingId&, const PendingId&) = default;
    };

    explicit HostReactor(sb_reactor* reactor) noexcept : reactor_(reactor) {}

    // The connection has the limits of the other connections of this use. If the connect fails later, only
    // on_close(error) is called.
    [[nodiscard]] Result<ConnectionId> connect(const Endpoint& endpoint,
                                               std::unique_ptr<Protocol> protocol) const;
    // An open connection of this use, accepted or connected. Null once it is gone.
    Connection* find(ConnectionId id) const noexcept;
    PendingId after(std::chrono::milliseconds delay, Callback fn) const;
    PendingId every(std::chrono::milliseconds period, Callback fn) const;
    void cancel(PendingId pending) const noexcept;  // no effect if it has finished
    // Threading: any thread that ends before the factory is destroyed. Returns false, and drops `fn`, if the
    // use has ended.
    bool post(Callback fn) const;
    // `work` runs on a thread of a pool, and then `done` on the reactor's. If the reactor is destroyed
    // meanwhile, both are destroyed on the thread of the pool.
    PendingId offload(Callback work, std::function<void(std::error_code)> done) const;
    PendingId resolve(const std::string& name, const std::string& service, ResolveDone done) const;

private:
    sb_reactor* reactor_;
};

using MakeWithReactor = std::function<Result<ProtocolFactory>(const Options&, const HostReactor&)>;
using MakeDatagramWithReactor =
    std::function<Result<std::unique_ptr<DatagramProtocol>>(const Options&, const HostReactor&)>;

// Registers a protocol that uses the reactor of the host, in the body of SWITCHBOARD_PLUGIN. `make` and
// `make_datagram` become the maker functions of `registration`. One of them may be empty. Blocking drivers
// refuse such a protocol.
//
//     plugin::add(registry, {.name = "fetch", .summary = "fetches pages"},
//                 [](const Options&, const plugin::HostReactor& reactor) -> Result<ProtocolFactory> {
//                     return ProtocolFactory([reactor] { return std::make_unique<Fetch>(reactor); });
//                 });
void add(Registry& registry, Registration registration, MakeWithReactor make,
         MakeDatagramWithReactor make_datagram = {});

// Registers, in the body of SWITCHBOARD_PLUGIN, a function that reports whether the plugin works: `check` of
// sb_plugin in plugin.h. It is called before this plugin replaces another version of itself, after the
// factories of all uses have been made. After an error or an exception the other version stays in use.
// Threading: the thread that replaces the plugin, which is not the reactor's.
//
//     plugin::set_check([]() -> Result<void> { return connect_to_database(); });
void set_check(std::function<Result<void>()> check);

// What SWITCHBOARD_PLUGIN was given.
struct About {
    const char* name;
    const char* version;
    const char* summary;
};

// For SWITCHBOARD_PLUGIN. Returns the table of the plugin, which it makes in its first call and which is
// never destroyed.
const sb_plugin* describe(const About& about, void (*add)(Registry&)) noexcept;

}  // namespace switchboard::plugin
