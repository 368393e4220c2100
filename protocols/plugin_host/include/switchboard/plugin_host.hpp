// Loads plugins: shared objects with protocols, as plugin.h describes them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <switchboard/log.hpp>
#include <switchboard/options.hpp>
#include <switchboard/registry.hpp>
#include <vector>

namespace switchboard {

// What a plugin says of itself.
struct PluginInfo {
    struct Protocol {
        std::string name, summary;
        std::vector<OptionSpec> options;
        bool one_reactor = false, needs_reactor = false, starts_threads = false;
        bool streams = false, datagrams = false;
    };
    std::string path;  // absolute, without symbolic links
    std::string abi;   // "0.2"
    std::string name, version, summary, licence;
    std::vector<Protocol> protocols;
};

// The ABI of this program, "0.2". While the major is 0, a plugin must have the same one.
std::string plugin_abi();

// Loads the plugin at `path` and adds its protocols to the registry, so that they are used like all others.
// `log` gets what the plugin logs, and what it does wrong; it must be thread-safe if connections run on
// several threads.
//
// Lifetime: a plugin runs from here until the registry, the factories, the connections and the datagram
// sockets that use it are gone, and what it has pending on a reactor; then its stop() is called. To unload
// it, remove its protocols from the registry. The file stays mapped until the process ends. A factory of a
// protocol that needs a reactor must not outlive that reactor, unless the reactor owns it. Security: the
// code of a plugin runs with all rights of the process, from when the file is opened, and an error in it can
// end the process. Load only files that you trust.
//
// Errors: errc::plugin_refused, or the error of the system; nothing is added then. The context says what is
// wrong: with the file, its version, its tables, or why its start() refused. Also: the file is loaded
// already, or was overwritten while loaded (install a new version by rename(2) and not in place), or the
// registry has a protocol of the same name. Threading: load plugins on one thread, before a driver forks.
[[nodiscard]] Result<PluginInfo> load_plugin(const std::string& path, Registry& registry,
                                             LogSink log = {});

// Loads, starts and stops the plugin in a child process, which shows what would end this one: an initializer
// that throws, a crash, a loop without end. It finds nothing that happens only with a connection. `timeout`
// is for all together, and at most a day. Processes that the plugin starts in its process group are killed
// at the end. Errors: as load_plugin(); errc::plugin_refused also if the child crashes or takes
// longer. Threading: forks, so call it while the process has one thread. It blocks.
[[nodiscard]] Result<void> probe_plugin(
    const std::string& path, std::chrono::milliseconds timeout = std::chrono::seconds(3));

// Reads what a plugin says of itself, and checks it like load_plugin(), but does not start it. The file is
// opened, which runs its initializers, and stays mapped.
[[nodiscard]] Result<PluginInfo> inspect_plugin(const std::string& path);

// Returns `name` if it contains a slash. Otherwise returns the first of the colon-separated `directories`
// that has a file NAME.so, with that name. Empty and relative directories are skipped. Errors:
// errc::plugin_refused if there is none.
[[nodiscard]] Result<std::string> find_plugin(std::string_view name, std::string_view directories);

}  // namespace switchboard
