// What `switchboard serve` was asked for, checked as far as can be before anything is opened.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <switchboard/blocking.hpp>
#include <switchboard/proxy.hpp>
#include <switchboard/reactor_types.hpp>
#include <switchboard/registry.hpp>
#include <vector>

#include "commands.hpp"
#include "throttle.hpp"

namespace switchboard::program {

// As it stands on the command line.
struct ServeArguments {
    std::string protocol;
    std::string listen = "tcp://127.0.0.1:0";
    std::string driver = "reactor";
    std::size_t workers = ServeOptions{}.workers;
    std::optional<std::string> backlog, mode;
    std::vector<std::string> options, limits;
    ListenOptions accept;  // but for its limits
    std::size_t reactors = 1;
    bool pin = false;
    std::optional<std::string> takeover, metrics;
    ThrottleArguments throttle;
    std::optional<std::string> proxies;
};

using BlockingServe = Result<void> (*)(Socket, const ProtocolFactory&, const Stop&,
                                       const ServeOptions&);
struct Driver {
    const char* name;
    const char* meaning;
    BlockingServe serve;  // null: the reactor
    bool has_workers;
    bool takes_datagrams = false;
};
const std::vector<Driver>& drivers();

struct Plan {
    std::string protocol;
    Driver driver;
    Endpoint endpoint;
    Options options;
    Limits limits;
    ListenOptions accept;  // but for its limits
    std::size_t workers;
    // A descriptor is asked what it is.
    bool datagrams = false;
    std::size_t reactors = 1;
    bool pin = false;
    std::optional<Endpoint> takeover, metrics;
    ThrottleOptions throttle = {};
    std::optional<ProxyTrust> proxies = {};  // who must send a header of the PROXY protocol
};

tl::expected<Plan, std::string> make_plan(const ServeArguments& arguments);

}  // namespace switchboard::program
