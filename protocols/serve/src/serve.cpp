#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <switchboard/datagram_socket.hpp>

#include "commands.hpp"
#include "layers.hpp"
#include "log.hpp"
#include "plan.hpp"
#include "serve_reactor.hpp"
#include "signals.hpp"

namespace switchboard::program {
namespace {

// A server needs a descriptor per connection, and the usual soft limit is 1,024 for the sake of
// select(2), which nothing here uses.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void log(const LogSink& sink, LogLevel level, const std::string& text) {
    sink(level, text);
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
    const auto factory = Layers(registry, plan).make({.limits = plan.limits});
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
           "\nSIGTERM and SIGINT drain: no new connections, idle ones are closed, the others may\n"
           "finish until drain_deadline. A second one ends them at once. SWITCHBOARD_LOG=debug, "
           "info,\n"
           "warning, error or off sets what is logged on stderr, info,json and so on as JSON "
           "lines.\n"
           "Under the reactor SIGUSR1 prints what is live on stderr.";
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

void add_reactor_options(CLI::App& command, ServeArguments& arguments) {
    command.add_option("--reactors", arguments.reactors, "Threads with a reactor each; reactor")
        ->check(CLI::Range(1, 1'024))
        ->capture_default_str();
    command.add_flag("--pin", arguments.pin, "Each of them on a processor of its own; reactor");
    command.add_option(
        "--takeover", arguments.takeover,
        "Takes the listening socket from the server that offers it at unix:/PATH, which "
        "then drains, and offers it there to the next; reactor");
    command.add_option("--metrics", arguments.metrics,
                       "Serves /metrics (Prometheus) and /stats (JSON) there; reactor");
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
    add_reactor_options(*command, *arguments);
    add_throttle(*command, arguments->throttle);
    command
        ->add_option(
            "--proxy-protocol", arguments->proxies,
            "Peers that say who their client is, by a header of the PROXY protocol: addresses, "
            "NETWORK/BITS, unix or any, with commas between them [nobody]")
        ->type_name("FROM");
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
