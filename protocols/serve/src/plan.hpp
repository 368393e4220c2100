// The arguments of `switchboard serve`, checked as far as possible before anything is opened.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <switchboard/blocking.hpp>
#include <switchboard/proxy.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/registry.hpp>
#include <vector>

#include "commands.hpp"
#include "throttle.hpp"
#include "tls.hpp"

namespace switchboard::program {

// The arguments as given on the command line.
struct ServeArguments {
    std::string protocol;
    std::string listen = "tcp://127.0.0.1:0";
    std::string driver = "reactor";
    std::size_t workers = ServeOptions{}.workers;
    std::optional<std::string> mode;
    std::vector<std::string> options, limits, plugins;
    std::vector<std::string> subcommand;  // "serve", if the program has subcommands
    std::string probe;                    // a plugin to probe instead of serving
    std::string reject_message;
    std::size_t reactors = 1;
    bool pin = false;
    std::size_t isolate = 0;
    std::optional<std::string> takeover, metrics;
    ThrottleArguments throttle;
    std::optional<std::string> proxies;
    TlsArguments tls;
};

using BlockingServe = Result<void> (*)(Socket, const ProtocolFactory&, const Stop&,
                                       const ServeOptions&);
struct Driver {
    const char* name;
    const char* meaning;
    BlockingServe serve;  // null: the reactor
    bool has_workers;
    bool takes_datagrams = false;
    bool forks = false;  // serves in child processes
};
const std::vector<Driver>& drivers();

struct Plan {
    std::string protocol;
    Driver driver;
    Endpoint endpoint;
    Options options;
    Limits limits;
    ListenOptions listen;
    std::size_t workers;
    bool datagrams = false;  // for "fd:N" the type of the socket decides
    std::size_t reactors = 1;
    bool pin = false;
    std::optional<Endpoint> takeover, metrics;
    ThrottleOptions throttle = {};
    std::optional<ProxyTrust> proxies = {};  // peers that must send a PROXY protocol header
    std::optional<TlsFiles> tls = {};
    std::size_t isolate = 0;  // worker processes; 0: none, this process serves
};

tl::expected<Plan, std::string> make_plan(const ServeArguments& arguments);

}  // namespace switchboard::program
