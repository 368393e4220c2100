#include "plan.hpp"

#include <sys/socket.h>
#include <charconv>
#include <switchboard/passed_sockets.hpp>

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

// "fd:web": the one that the service manager calls so.
tl::expected<Endpoint, std::string> find_passed(const std::vector<PassedSocket>& sockets,
                                                const std::string& text) {
    const Endpoint* found = nullptr;
    std::string known;
    for (const PassedSocket& each : sockets) {
        known += (known.empty() ? "" : ", ") + each.name;
        if ("fd:" + each.name != text) continue;
        if (found != nullptr) return refuse("--listen " + text + ": two sockets have that name");
        found = &each.endpoint;
    }
    if (found != nullptr) return *found;
    return refuse("--listen " + text + ": no socket of that name was passed (" +
                  (known.empty() ? "LISTEN_FDS has none" : "there are " + known) + ")");
}

tl::expected<Endpoint, std::string> parse_listen(const std::string& text) {
    if (text.starts_with("fd:")) {
        const auto sockets = passed_sockets();
        if (!sockets) return refuse(sockets.error());
        if (text.find_first_not_of("0123456789", 3) != std::string::npos)
            return find_passed(*sockets, text);
    }
    const auto endpoint = Endpoint::parse(text);
    if (!endpoint) return refuse(endpoint.error());
    return *endpoint;
}

// Octal, as chmod(1) takes it.
tl::expected<std::optional<mode_t>, std::string> parse_mode(const std::optional<std::string>& text,
                                                            const Endpoint& endpoint) {
    if (!text) return std::nullopt;
    if (endpoint.kind() != Endpoint::Kind::unix_path || endpoint.is_abstract())
        return refuse("--mode is for unix:/PATH, and " + endpoint.to_string() + " is no file");
    unsigned mode = 0;
    const char* const end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, mode, 8);
    if (parsed.ec != std::errc{} || parsed.ptr != end || mode > 0777)
        return refuse("--mode " + *text + ": not an octal number up to 777");
    return mode;
}

bool controls_accepting(const ListenOptions& accept) {
    return accept.max_per_address > 0 || accept.accepts_per_second > 0 || !accept.goodbye.empty();
}

// An endpoint of the option's, which takes unix sockets and perhaps TCP.
tl::expected<std::optional<Endpoint>, std::string> parse_optional(
    const std::string& option, const std::optional<std::string>& text, bool takes_tcp) {
    if (!text) return std::nullopt;
    const auto endpoint = Endpoint::parse(*text);
    if (!endpoint) return refuse(endpoint.error());
    const bool is_tcp = endpoint->kind() == Endpoint::Kind::tcp;
    if (endpoint->kind() == Endpoint::Kind::unix_path || (takes_tcp && is_tcp)) return *endpoint;
    return refuse(option + " " + *text + ": not " +
                  (takes_tcp ? "tcp://HOST:PORT or unix:/PATH" : "unix:/PATH or unix:@NAME"));
}

tl::expected<std::optional<ProxyTrust>, std::string> parse_proxies(
    const std::optional<std::string>& text, bool datagrams) {
    if (!text) return std::nullopt;
    const std::string asked = "--proxy-protocol " + *text + ": ";
    if (datagrams) return refuse(asked + "for connections, and datagrams have none");
    auto trust = ProxyTrust::parse(*text);
    if (!trust) return refuse(asked + trust.error().tried());
    return std::move(*trust);
}

// What is for connections to the driver reactor alone.
Outcome check_reactor_only(const ServeArguments& arguments, bool reactor_streams) {
    if (reactor_streams) return {};
    if (controls_accepting(arguments.accept))
        return refuse(
            "--max-per-address, --accepts-per-second and --goodbye are for connections to "
            "the driver reactor");
    if (arguments.reactors > 1 || arguments.pin || arguments.takeover)
        return refuse("--reactors, --pin and --takeover are for connections to the driver reactor");
    return {};
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
    const auto endpoint = parse_listen(arguments.listen);
    if (!endpoint) return refuse(endpoint.error());
    const bool datagrams = is_for_datagrams(*endpoint);
    if (datagrams && !driver->takes_datagrams)
        return refuse("--listen " + endpoint->to_string() + ": the driver '" + driver->name +
                      "' serves connections, and datagrams have none; use reactor or iterative");
    const bool reactor = driver->serve == nullptr;
    if (const auto good = check_reactor_only(arguments, reactor && !datagrams); !good)
        return refuse(good.error());
    if (arguments.metrics && !reactor) return refuse("--metrics is for the driver reactor");
    const auto takeover = parse_optional("--takeover", arguments.takeover, false);
    if (!takeover) return refuse(takeover.error());
    const auto metrics = parse_optional("--metrics", arguments.metrics, true);
    if (!metrics) return refuse(metrics.error());
    const auto options = Options::parse(arguments.options);
    if (!options) return refuse(options.error());
    const auto limits = parse_limits(arguments);
    if (!limits) return refuse(limits.error());
    const auto mode = parse_mode(arguments.mode, *endpoint);
    if (!mode) return refuse(mode.error());
    const auto throttle = parse_throttle(arguments.throttle, *limits, datagrams);
    if (!throttle) return refuse(throttle.error());
    const auto proxies = parse_proxies(arguments.proxies, datagrams);
    if (!proxies) return refuse(proxies.error());
    ListenOptions accept = arguments.accept;
    accept.path_mode = *mode;
    return Plan{arguments.protocol, *driver,   *endpoint,
                *options,           *limits,   std::move(accept),
                arguments.workers,  datagrams, arguments.reactors,
                arguments.pin,      *takeover, *metrics,
                *throttle,          *proxies};
}

}  // namespace switchboard::program
