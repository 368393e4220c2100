#include "plan.hpp"

#include <sys/socket.h>

namespace switchboard::program {
namespace {

tl::expected<Driver, std::string> find_driver(const std::string& name) {
    std::string known;
    for (const Driver& driver : drivers()) {
        if (driver.name == name) return driver;
        known += known.empty() ? driver.name : std::string(", ") + driver.name;
    }
    return refuse("unknown driver '" + name + "' (there are " + known + ")");
}

tl::expected<Limits, std::string> parse_limits(const ServeArguments& arguments) {
    Limits limits;
    for (const std::string& assignment : arguments.limits) {
        const auto equals = assignment.find('=');
        if (equals == std::string::npos)
            return refuse("--limit " + assignment + ": not NAME=VALUE");
        const auto set = limits.set(assignment.substr(0, equals), assignment.substr(equals + 1));
        if (!set) return refuse(set.error());
    }
    if (arguments.backlog) {
        if (const auto set = limits.set("backlog", *arguments.backlog); !set) {
            return refuse(set.error());
        }
    }
    if (const auto fits = limits.check(); !fits) return refuse(fits.error());
    return limits;
}

bool is_for_datagrams(const Endpoint& endpoint) {
    if (endpoint.kind() != Endpoint::Kind::descriptor)
        return endpoint.kind() == Endpoint::Kind::udp;
    int type = 0;
    socklen_t size = sizeof type;
    return ::getsockopt(endpoint.fd(), SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_DGRAM;
}

}  // namespace

const std::vector<Driver>& drivers() {
    static const std::vector<Driver> all{
        {"reactor", "one thread, many sockets, never blocks", nullptr, false, true},
        {"iterative", "one connection at a time", serve_iterative, false, true},
        {"threads", "a thread per connection", serve_threads, false},
        {"thread-pool", "a fixed number of threads (--workers)", serve_thread_pool, true},
        {"processes", "a process per connection", serve_processes, false},
        {"process-pool", "a fixed number of processes (--workers)", serve_process_pool, true},
    };
    return all;
}

tl::expected<Plan, std::string> make_plan(const ServeArguments& arguments) {
    const auto driver = find_driver(arguments.driver);
    if (!driver) return refuse(driver.error());
    const auto endpoint = Endpoint::parse(arguments.listen);
    if (!endpoint) return refuse(endpoint.error());
    const bool datagrams = is_for_datagrams(*endpoint);
    if (datagrams && !driver->takes_datagrams)
        return refuse("--listen " + endpoint->to_string() + ": the driver '" + driver->name +
                      "' serves connections, and datagrams have none; use reactor or iterative");
    const auto options = Options::parse(arguments.options);
    if (!options) return refuse(options.error());
    const auto limits = parse_limits(arguments);
    if (!limits) return refuse(limits.error());
    return Plan{arguments.protocol, *driver,  *endpoint, *options, *limits,
                arguments.workers,  datagrams};
}

}  // namespace switchboard::program
