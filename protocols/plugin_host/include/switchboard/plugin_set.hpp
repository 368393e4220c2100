// PluginSet: the plugins of a running program, which can be replaced and unloaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <switchboard/log.hpp>
#include <switchboard/plugin_host.hpp>
#include <switchboard/registry.hpp>
#include <vector>

namespace switchboard {

struct PluginSetOptions {
    // Gets what the plugins log, what they do wrong, and the warnings of the set. It must be thread-safe if
    // connections run on several threads.
    LogSink log = {};
    // Called with the path of each file before replace() opens it. An error refuses the file. Null: files are
    // opened at once. probe_plugin() may be used while the process has one thread. With more threads, start
    // another program that calls it, as `switchboard serve` does.
    std::function<Result<void>(const std::string& path)> probe = {};
    // How long replace() waits for the reactor of each factory.
    std::chrono::milliseconds reactor_timeout = std::chrono::seconds(10);
};

// One version of a plugin of a PluginSet.
struct PluginVersion {
    std::string name, version;
    std::string path;             // absolute, without symbolic links, when it was loaded
    bool retired = false;         // it was replaced or unloaded
    bool running = true;          // its stop() has not been called yet; false only if it is retired
    std::size_t connections = 0;  // that it serves; a layer of the plugin counts as one more
    std::uint64_t mapped = 0;     // bytes of address space that its file takes
};

// Loads plugins into a registry, and replaces and unloads them by name while their protocols are served.
//
// Each version is a mapping of its own, and stays mapped until the process ends. A version is retired when it
// is replaced or unloaded. Its open connections finish on it: the set does not end them, and the time-outs
// and the drain of the driver apply to them as to others. When the last one is gone, stop() of the version is
// called, on the thread of that connection.
//
// The set then logs a warning if threads or descriptors remain that appeared while start() or configure() of
// the plugin ran: "plugin kv 1.0: 2 threads and 1 descriptor left". What other threads of the program
// started or opened at the same time is counted too. Sockets are not counted, because a server accepts them
// all the time; so a socket that the plugin left is not reported. What the plugin started or opened in other
// callbacks is not counted. Systems without /proc do not report this.
//
// A factory that was made by Registry::make() makes connections of the version that is in use when it is
// called. This costs a mutex for each connection, and nothing for messages.
//
// Threading: use the set and its registry on one thread at a time. Factories and connections may be on any
// threads. Lifetime: the registry must outlive the set. When the set is gone, its plugins go on as if
// load_plugin() had loaded them.
class PluginSet {
public:
    explicit PluginSet(Registry& registry, PluginSetOptions options = {});
    PluginSet(const PluginSet&) = delete;
    PluginSet& operator=(const PluginSet&) = delete;
    ~PluginSet();

    // As load_plugin(), but does not probe. Errors: as load_plugin(); errc::plugin_refused also if a
    // plugin of this name is in use.
    [[nodiscard]] Result<PluginInfo> load(const std::string& path);

    // Retires the plugin. Its protocols leave the registry, and factories of its protocols refuse their
    // connections from now on. What the program itself has registered in their place stays. Datagram sockets
    // go on. Errors: errc::plugin_refused if there is no such
    // plugin.
    [[nodiscard]] Result<void> unload(std::string_view name);

    // Loads another version of a plugin and retires the one in use. Install the file with `mv` or
    // `install`, so that it is another file (inode), at the same path or another one. In this order: probes
    // the file, loads it, calls start(), compares its protocols, calls configure() for each existing
    // factory with the options of that factory, and calls check(). Only then all factories are switched,
    // and the registry gets the new descriptions, except of protocols that the program has removed from it or
    // has put its own in the place of. An option with its default value gets the default value
    // of the new version.
    //
    // A datagram socket cannot change its version, so a plugin that has one is not replaced. For each
    // factory of a protocol that needs a reactor, configure() is called on the thread of that reactor, which
    // must run. So do not call replace() on that thread.
    //
    // After an error, nothing has changed. Errors: those of load_plugin(); errc::plugin_refused also if there
    // is no such plugin, the file has another plugin, it lacks a protocol of the one in use or does not take
    // the options of a factory, or its check() refuses.
    [[nodiscard]] Result<PluginInfo> replace(std::string_view name, const std::string& path);

    // Whether the file at `path` is the one of a version in use, and unchanged. False also if there is none.
    bool uses(const std::string& path) const;

    // The versions in use, in the order of their load(), and then those that were retired, the oldest first.
    // A version that is in use again is no longer among the retired ones.
    std::vector<PluginVersion> list() const;

private:
    class Impl;
    const std::unique_ptr<Impl> impl_;
};

}  // namespace switchboard
