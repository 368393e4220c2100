#include "plan.hpp"

#include <sys/socket.h>
#include <charconv>
#include <switchboard/socket_activation.hpp>

namespace switchboard::program {
namespace {

tl::expected<Driver, std::string> find_driver(const std::string& name) {
    std::string known;
    for (const Driver& driver : drivers()) {
        if (driver.name == name) return driver;
        known += known.empty() ? driver.name : std::string(", ") + driver.name;
    }
    return refuse("unknown driver '" + name + "'; available: " + known);
}

tl::expected<Limits, std::string> parse_limits(const ServeArguments& arguments) {
    Limits limits;
    for (const std::string& assignment : arguments.limits) {
        const auto equals = assignment.find('=');
        if (equals == std::string::npos)
            return refuse("--limit " + assignment + ": must be NAME=VALUE");
        const auto set = limits.set(assignment.substr(0, equals), assignment.substr(equals + 1));
        if (!set) return refuse(set.error());
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

// "fd:web": the socket to which the service manager gave this name.
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
                  (known.empty() ? "LISTEN_FDS passes none" : "available: " + known) + ")");
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

// An octal number, as for chmod(1).
tl::expected<std::optional<mode_t>, std::string> parse_mode(const std::optional<std::string>& text,
                                                            const Endpoint& endpoint) {
    if (!text) return std::nullopt;
    if (endpoint.kind() != Endpoint::Kind::unix_path || endpoint.is_abstract())
        return refuse("--mode requires unix:/PATH, not " + endpoint.to_string());
    unsigned mode = 0;
    const char* const end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, mode, 8);
    if (parsed.ec != std::errc{} || parsed.ptr != end || mode > 0777)
        return refuse("--mode " + *text + ": must be an octal number up to 777");
    return mode;
}

// Parses the endpoint of an option that takes unix sockets and, if `takes_tcp`, TCP.
tl::expected<std::optional<Endpoint>, std::string> parse_optional(
    const std::string& option, const std::optional<std::string>& text, bool takes_tcp) {
    if (!text) return std::nullopt;
    const auto endpoint = Endpoint::parse(*text);
    if (!endpoint) return refuse(endpoint.error());
    const bool is_tcp = endpoint->kind() == Endpoint::Kind::tcp;
    if (endpoint->kind() == Endpoint::Kind::unix_path || (takes_tcp && is_tcp)) return *endpoint;
    return refuse(option + " " + *text + ": must be " +
                  (takes_tcp ? "tcp://HOST:PORT or unix:/PATH" : "unix:/PATH or unix:@NAME"));
}

tl::expected<std::optional<ProxyTrust>, std::string> parse_proxies(
    const std::optional<std::string>& text, bool datagrams) {
    if (!text) return std::nullopt;
    const std::string asked = "--proxy-protocol " + *text + ": ";
    if (datagrams) return refuse(asked + "applies to connections only, not to datagrams");
    auto trust = ProxyTrust::parse(*text);
    if (!trust) return refuse(asked + trust.error().context());
    return std::move(*trust);
}

// Refuses options that only apply to connections under the driver reactor.
Outcome check_reactor_only(const ServeArguments& arguments, const ServerLimits& limits,
                           bool reactor_streams) {
    if (reactor_streams) return {};
    if (const auto fit = limits.check_without_reactor(); !fit) return refuse(fit.error());
    if (!arguments.reject_message.empty())
        return refuse("--reject-message applies only to connections under the driver reactor");
    if (arguments.reactors > 1 || arguments.pin || arguments.takeover)
        return refuse(
            "--reactors, --pin and --takeover apply only to connections under the driver reactor");
    return {};
}

// --isolate has a reactor in each process.
Outcome check_isolate(const ServeArguments& arguments, bool reactor_streams) {
    if (arguments.isolate == 0) return {};
    if (!reactor_streams)
        return refuse(
            "--isolate applies only to connections under the driver reactor; processes and "
            "process-pool isolate connections by themselves");
    if (arguments.reactors > 1 || arguments.pin)
        return refuse(
            "--isolate excludes --reactors and --pin: each of its processes has one reactor");
    if (arguments.metrics)
        return refuse("--isolate excludes --metrics, which show a single process");
    return {};
}

}  // namespace

const std::vector<Driver>& drivers() {
    static const std::vector<Driver> all{
        {"reactor", "one thread serves many sockets and never blocks", nullptr, false, true},
        {"iterative", "one connection at a time", serve_iterative, false, true},
        {"threads", "a thread per connection", serve_threads, false},
        {"thread-pool", "a fixed number of threads (--workers)", serve_thread_pool, true},
        {"processes", "a process per connection", serve_processes, false, false, true},
        {"process-pool", "a fixed number of processes (--workers)", serve_process_pool, true, false,
         true},
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
                      "' does not serve datagrams; use reactor or iterative");
    const bool reactor = driver->serve == nullptr;
    const auto limits = parse_limits(arguments);
    if (!limits) return refuse(limits.error());
    if (const auto good = check_reactor_only(arguments, limits->server, reactor && !datagrams);
        !good)
        return refuse(good.error());
    if (const auto good = check_isolate(arguments, reactor && !datagrams); !good)
        return refuse(good.error());
    if (arguments.metrics && !reactor) return refuse("--metrics requires the driver reactor");
    const auto takeover = parse_optional("--takeover", arguments.takeover, false);
    if (!takeover) return refuse(takeover.error());
    const auto metrics = parse_optional("--metrics", arguments.metrics, true);
    if (!metrics) return refuse(metrics.error());
    const auto options = Options::parse(arguments.options);
    if (!options) return refuse(options.error());
    const auto mode = parse_mode(arguments.mode, *endpoint);
    if (!mode) return refuse(mode.error());
    const auto throttle = parse_throttle(arguments.throttle, limits->connection, datagrams);
    if (!throttle) return refuse(throttle.error());
    const auto proxies = parse_proxies(arguments.proxies, datagrams);
    if (!proxies) return refuse(proxies.error());
    const auto tls = open_tls(arguments.tls, limits->connection, arguments.reactors, datagrams);
    if (!tls) return refuse(tls.error());
    ListenOptions listen{.server = limits->server,
                         .connection = limits->connection,
                         .path_mode = *mode,
                         .reject_message = arguments.reject_message};
    return Plan{arguments.protocol, *driver,           *endpoint, *options,           *limits,
                std::move(listen),  arguments.workers, datagrams, arguments.reactors, arguments.pin,
                *takeover,          *metrics,          *throttle, *proxies,           *tls,
                arguments.isolate};
}

}  // namespace switchboard::program
