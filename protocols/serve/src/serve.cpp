#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <switchboard/reactor_datagram.hpp>

#include "commands.hpp"
#include "log.hpp"
#include "plan.hpp"
#include "signals.hpp"

namespace switchboard::program {
namespace {

constexpr const char* kCutShort = "stopped before every connection had finished";

// A server needs a descriptor per connection, and the usual soft limit is 1,024 for the sake of
// select(2), which nothing here uses.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

// Nobody may read it, and that is no reason to fail.
void announce(const Plan& plan, const Endpoint& local) {
    std::printf("listening on %s (%s, %s)\n", local.to_string().c_str(), plan.protocol.c_str(),
                plan.driver.name);
    std::fflush(stdout);
}

void log(const LogSink& sink, LogLevel level, const std::string& text) {
    sink(level, text);
}

// The two steps of a stop, for the reactor: drain at the first signal, abort at the second.
class ReactorStop {
public:
    ReactorStop(Reactor& reactor, const Plan& plan, const LogSink& sink)
        : reactor_(reactor), deadline_(plan.limits.drain_deadline), sink_(sink) {}

    Result<void> arm() {
        for (const int signal : {SIGTERM, SIGINT}) {
            auto armed = reactor_.on_signal(signal, [this] { next(); });
            if (!armed) return armed;
        }
        return {};
    }
    bool asked() const { return signals_ > 0; }
    bool cut_short() const { return signals_ > 1 && aborted_ > 0; }

private:
    void next() {
        const bool first = signals_++ == 0;
        const ReactorStats stats = reactor_.stats();
        log(sink_, LogLevel::info,
            first ? "draining " +
                        std::to_string(stats.open - stats.datagram_sockets - stats.goodbyes) +
                        " connections; a second signal ends them"
                  : "ending all connections");
        reactor_.drain(first ? deadline_ : std::chrono::milliseconds::zero(),
                       [this](std::size_t aborted) { done(aborted); });
    }
    void done(std::size_t aborted) {
        aborted_ = aborted;
        if (aborted > 0) {
            log(sink_, LogLevel::warning, "ended " + std::to_string(aborted) + " connections");
        }
        reactor_.stop();  // a protocol may have timers that would go on for ever
    }

    Reactor& reactor_;
    std::chrono::milliseconds deadline_;
    const LogSink& sink_;
    int signals_ = 0;
    std::size_t aborted_ = 0;
};

Result<Endpoint> listen_for_streams(Reactor& reactor, const Plan& plan, const Registry& registry) {
    auto factory = make_throttled(registry, plan, {.reactor = &reactor, .limits = plan.limits});
    if (!factory) return tl::unexpected(factory.error());
    ListenOptions accept = plan.accept;
    accept.limits = plan.limits;
    const auto listening = reactor.listen(plan.endpoint, std::move(*factory), std::move(accept));
    if (!listening) return tl::unexpected(listening.error());
    return listening->local;
}

Result<Endpoint> listen_for_datagrams(Reactor& reactor, const Plan& plan,
                                      const Registry& registry) {
    auto protocol = registry.make_datagram(plan.protocol, plan.options,
                                           {.reactor = &reactor, .limits = plan.limits});
    if (!protocol) return tl::unexpected(protocol.error());
    const auto bound =
        bind_datagram(reactor, plan.endpoint, std::move(*protocol), {.limits = plan.limits});
    if (!bound) return tl::unexpected(bound.error());
    return bound->local;
}

Outcome serve_reactor(const Plan& plan, const Registry& registry, const LogSink& sink) {
    Reactor reactor({.log = sink});
    ReactorStop stop(reactor, plan, sink);
    const auto local = plan.datagrams ? listen_for_datagrams(reactor, plan, registry)
                                      : listen_for_streams(reactor, plan, registry);
    if (!local) return refuse(local.error());
    if (const auto armed = stop.arm(); !armed) return refuse(armed.error());
    announce(plan, *local);
    reactor.run();
    block_stop_signals();
    if (!stop.asked()) return refuse("serve " + local->to_string() + ": ended by itself");
    if (!plan.datagrams && stop.cut_short()) return refuse(kCutShort);
    return {};
}

// `serve` is what the driver does with the socket until it is told to stop.
template <class Serve>
Outcome run_blocking(const Plan& plan, const Socket& socket, Serve serve) {
    const auto local = bound_endpoint(socket, plan.endpoint);
    if (!local) return refuse(local.error());
    const auto stop = Stop::create();
    if (!stop) return refuse(stop.error());
    const StopOnSignals signals(*stop);
    announce(plan, *local);
    ServeStats stats;
    const Result<void> served = serve(*stop, stats);
    block_stop_signals();
    if (!served) return refuse(served.error());
    if (stop->aborting() && stats.cut > 0) return refuse(kCutShort);
    return {};
}

Outcome serve_blocking(const Plan& plan, const Registry& registry, const LogSink& sink) {
    const auto factory = make_throttled(registry, plan, {.limits = plan.limits});
    if (!factory) return refuse(factory.error());
    auto listener = listen(plan.endpoint, {.backlog = static_cast<int>(plan.limits.backlog),
                                           .path_mode = plan.accept.path_mode});
    if (!listener) return refuse(listener.error());
    return run_blocking(plan, *listener, [&](const Stop& stop, ServeStats& stats) {
        return plan.driver.serve(
            std::move(*listener), *factory, stop,
            {.limits = plan.limits, .workers = plan.workers, .log = sink, .stats = &stats});
    });
}

Outcome serve_blocking_datagrams(const Plan& plan, const Registry& registry, const LogSink& sink) {
    auto protocol = registry.make_datagram(plan.protocol, plan.options, {.limits = plan.limits});
    if (!protocol) return refuse(protocol.error());
    const auto socket = bind_datagram(plan.endpoint);
    if (!socket) return refuse(socket.error());
    return run_blocking(plan, *socket, [&](const Stop& stop, ServeStats&) {
        return serve_datagrams(*socket, std::move(*protocol), stop,
                               {.limits = plan.limits, .log = sink});
    });
}

Outcome run(const ServeArguments& arguments, const Registry& registry, bool workers_given) {
    const auto sink = open_log();
    if (!sink) return refuse(sink.error());
    const auto plan = make_plan(arguments);
    if (!plan) return refuse(plan.error());
    raise_descriptor_limit();
    if (workers_given && !plan->driver.has_workers) {
        log(*sink, LogLevel::warning, "--workers is for the pools and has no effect here");
    }
    if (plan->driver.serve == nullptr) return serve_reactor(*plan, registry, *sink);
    return plan->datagrams ? serve_blocking_datagrams(*plan, registry, *sink)
                           : serve_blocking(*plan, registry, *sink);
}

std::string footer() {
    std::string text = "Drivers:\n";
    for (const Driver& driver : drivers()) {
        text += "  " + std::string(driver.name) + ": " + driver.meaning + "\n";
    }
    text += "\nLimits and their defaults:\n";
    for (const Limits::Entry& entry : Limits{}.entries()) {
        text += "  " + entry.name + "=" + entry.value + ": " + entry.meaning + "\n";
    }
    return text +
           "\nSIGTERM and SIGINT drain: no new connections, those open may finish until\n"
           "drain_deadline. A second one ends them at once. SWITCHBOARD_LOG=debug, info,\n"
           "warning, error or off sets what is logged on stderr.";
}

void add_accept_control(CLI::App& command, ListenOptions& accept) {
    command.add_option(
        "--max-per-address", accept.max_per_address,
        "Connections at once from one IPv4 address or IPv6 /64 [any number]; reactor");
    command.add_option("--accepts-per-second", accept.accepts_per_second,
                       "The others wait in the backlog [as they come]; reactor");
    command.add_option("--goodbye", accept.goodbye,
                       "Sent to those who are refused for their number, before they are closed; "
                       "reactor");
}

}  // namespace

Command add_serve(CLI::App& app, const Registry& registry) {
    auto arguments = std::make_shared<ServeArguments>();
    CLI::App* command = app.add_subcommand("serve", "Serve a protocol until SIGTERM or SIGINT");
    command->add_option("protocol", arguments->protocol, "See `switchboard protocols`")->required();
    command
        ->add_option(
            "--listen", arguments->listen,
            "tcp://HOST:PORT (* is any address, port 0 a free one), unix:/PATH, unix:@NAME, "
            "fd:N or, as systemd passed it, fd:NAME; "
            "udp://HOST:PORT for datagrams")
        ->capture_default_str();
    command->add_option("--driver", arguments->driver, "How to serve, see below")
        ->capture_default_str();
    auto* workers = command->add_option("--workers", arguments->workers, "Of the pools")
                        ->check(CLI::Range(1, 10'000))
                        ->capture_default_str();
    command->add_option("--backlog", arguments->backlog,
                        "Connects that queue before more are refused; as --limit backlog=N");
    command->add_option("--mode", arguments->mode,
                        "Of the file at unix:/PATH, as 0660: who may write may connect");
    add_accept_control(*command, arguments->accept);
    add_throttle(*command, arguments->throttle);
    command->add_option("--option", arguments->options, "NAME=VALUE for the protocol")
        ->take_all()
        ->allow_extra_args(false);
    command->add_option("--limit", arguments->limits, "NAME=VALUE, see below")
        ->take_all()
        ->allow_extra_args(false);
    command->footer(footer());
    return {command, [arguments, workers, &registry] {
                return run(*arguments, registry, workers->count() > 0);
            }};
}

}  // namespace switchboard::program
