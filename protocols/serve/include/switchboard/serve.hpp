// serve_main(): a program of your own that does what `switchboard serve` does, with your protocols.
#pragma once

#include <string>
#include <switchboard/registry.hpp>

namespace switchboard {

// The texts of --help and --version.
struct ProgramInfo {
    std::string summary = "Serves a protocol until SIGTERM or SIGINT.";  // one line
    std::string version = {};  // empty: there is no --version
};

// The whole main() of a server:
//
//     int main(int argc, char** argv) {
//         switchboard::Registry registry;
//         registry.add({.name = "mine", .summary = "...", .make = ...});
//         return switchboard::serve_main(argc, argv, registry);
//     }
//
// The command line is `PROGRAM PROTOCOL OPTIONS`, with the options of `switchboard serve`, such as
// `./my-server mine --listen tcp://127.0.0.1:7000 --driver threads`. If the registry has exactly one
// protocol, the word PROTOCOL may be omitted. --help lists all options, limits and protocols. Returns when
// the server has ended. The result is the exit status: 0 after a drain or --help, 2 for an invalid command
// line, and 1 for any other error, which is one line on stderr. The status is also 1 if a second signal ended
// connections. stdout gets one line when the server listens (see
// the README of serve).
//
// The server has the process to itself: it handles SIGTERM, SIGINT, SIGHUP and SIGUSR1, ignores SIGPIPE,
// opens /dev/null for standard streams that are closed, and raises the soft limit of descriptors. Some
// drivers, --isolate and plugins need fork(2). Threading: call it from main(), while the process has one
// thread. Ownership: `registry` is not changed; plugins are added to a copy. `argv` must end with a null
// pointer.
[[nodiscard]] int serve_main(int argc, char** argv, const Registry& registry,
                             const ProgramInfo& about = {}) noexcept;

}  // namespace switchboard
