#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <switchboard/bind_datagram.hpp>

#include "commands.hpp"
#include "isolate.hpp"
#include "layers.hpp"
#include "log.hpp"
#include "plan.hpp"
#include "plugins.hpp"
#include "serve_reactor.hpp"
#include "signals.hpp"

namespace switchboard::program {
namespace {

// A server needs a descriptor per connection. The usual soft limit of 1,024 exists only because of
// select(2), which is not used here.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void log(const LogSink& sink, LogLevel level, const std::string& text) {
    sink(level, text);
}

// `serve` runs the driver on the socket until it must stop.
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
    if (stop->aborting() && stats.aborted_by_stop > 0) return refuse(kCutShort);
    return {};
}

Outcome serve_blocking(const Plan& plan, const Registry& registry, const LogSink& sink) {
    const auto factory =
        Layers(registry, plan).make({.limits = plan.limits, .forks = plan.driver.forks});
    if (!factory) return refuse(factory.error());
    auto listener = listen(plan.endpoint, {.backlog = static_cast<int>(plan.limits.server.backlog),
                                           .path_mode = plan.listen.path_mode});
    if (!listener) return refuse(listener.error());
    return run_blocking(plan, *listener, [&](const Stop& stop, ServeStats& stats) {
        return plan.driver.serve(std::move(*listener), *factory, stop,
                                 {.server = plan.limits.server,
                                  .connection = plan.limits.connection,
                                  .workers = plan.workers,
                                  .log = sink,
                                  .stats = &stats});
    });
}

Outcome serve_blocking_datagrams(const Plan& plan, const Registry& registry, const LogSink& sink) {
    auto protocol = registry.make_datagram(plan.protocol, plan.options, {.limits = plan.limits});
    if (!protocol) return refuse(protocol.error());
    const auto socket = bind_datagram(plan.endpoint);
    if (!socket) return refuse(socket.error());
    return run_blocking(plan, *socket, [&](const Stop& stop, ServeStats&) {
        return serve_datagrams(*socket, std::move(*protocol), stop,
                               {.limits = plan.limits.datagram, .log = sink});
    });
}

// SIGHUP would end the process. But under the reactor it is what users send to a server with such files.
void ignore_hangup(const LogSink& sink) {
    std::signal(SIGHUP, SIG_IGN);
    log(sink, LogLevel::info,
        "SIGHUP has no effect under this driver: restart the server to read certificates and "
        "plugins again");
}

std::vector<std::string> probe_command(const ServeArguments& arguments) {
    std::vector<std::string> words = arguments.subcommand;
    words.push_back(arguments.protocol);
    return probe_arguments(std::move(words));
}

Outcome run(const ServeArguments& arguments, const Registry& built_in, bool workers_given) {
    if (!arguments.probe.empty()) return probe(arguments.probe);
    const auto sink = open_log();
    if (!sink) return refuse(sink.error());
    const auto plan = make_plan(arguments);
    if (!plan) return refuse(plan.error());
    if (plan->isolate > 0) {
        raise_descriptor_limit();
        return serve_isolated(*plan, built_in, {arguments.plugins, probe_command(arguments)},
                              *sink);
    }
    Registry registry = built_in;
    LoadedPlugins plugins(registry, *sink, probe_command(arguments));
    if (auto loaded = load_plugins(arguments.plugins, plugins); !loaded) return loaded;
    raise_descriptor_limit();
    if (workers_given && !plan->driver.has_workers) {
        log(*sink, LogLevel::warning, "--workers applies only to the pools and has no effect here");
    }
    if (plan->driver.serve == nullptr) return serve_reactor(*plan, registry, *sink, plugins);
    if (plan->tls || !plugins.empty()) ignore_hangup(*sink);
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
           "\nSIGTERM and SIGINT drain the server: it accepts no more connections and closes idle\n"
           "ones, and the others may finish until drain_timeout. A second signal ends them at "
           "once.\n"
           "SWITCHBOARD_LOG=debug, info, warning, error or off sets what is logged on stderr; "
           "info,json\n"
           "and so on log JSON lines. Under the reactor, SIGUSR1 prints all live handles on "
           "stderr,\n"
           "and SIGHUP reads the files of --tls again and replaces plugins whose files were "
           "replaced.\nUnder other drivers, a server with --tls or --plugin ignores SIGHUP.";
}

void add_reactor_options(CLI::App& command, ServeArguments& arguments) {
    command
        .add_option("--reactors", arguments.reactors,
                    "Number of threads, with a reactor each; reactor only")
        ->check(CLI::Range(1, 1'024))
        ->capture_default_str();
    command.add_flag("--pin", arguments.pin,
                     "Pins each of these threads to a CPU of its own; reactor only");
    command
        .add_option("--isolate", arguments.isolate,
                    "Number of processes, with a reactor each, that share the listener. One that "
                    "crashes costs its own connections only, and is replaced; reactor only")
        ->check(CLI::Range(1, 1'024));
    command.add_option(
        "--takeover", arguments.takeover,
        "Restarts without refusing clients: takes the listening sockets from the old server at "
        "unix:/PATH, which then drains, and offers them there to the next server; reactor only");
    command.add_option("--metrics", arguments.metrics,
                       "Serves /metrics (Prometheus) and /stats (JSON) at this endpoint; reactor "
                       "only");
}

// The options that may be repeated.
void add_lists(CLI::App& command, ServeArguments& arguments) {
    command
        .add_option("--plugin", arguments.plugins,
                    "A plugin whose protocols can be served too: a path, or the NAME of NAME.so in "
                    "a directory of SWITCHBOARD_PLUGIN_PATH; may be repeated")
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--option", arguments.options, "NAME=VALUE for the protocol")
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--limit", arguments.limits, "NAME=VALUE, see below")
        ->take_all()
        ->allow_extra_args(false);
}

// Adds all arguments but PROTOCOL. Returns the function that serves.
std::function<Outcome()> add_arguments(CLI::App& command, const Registry& registry,
                                       const std::shared_ptr<ServeArguments>& arguments) {
    command
        .add_option(
            "--listen", arguments->listen,
            "tcp://HOST:PORT or HOST:PORT (host * or none: any address, port 0: a free port), "
            "unix:/PATH, unix:@NAME, fd:N, fd:NAME (passed by systemd), or udp://HOST:PORT for "
            "datagrams")
        ->capture_default_str();
    command.add_option("--driver", arguments->driver, "The driver, see below")
        ->capture_default_str();
    auto* workers = command
                        .add_option("--workers", arguments->workers,
                                    "Threads of thread-pool, processes of process-pool")
                        ->check(CLI::Range(1, 10'000))
                        ->capture_default_str();
    command.add_option("--mode", arguments->mode,
                       "Permissions of the file at unix:/PATH, such as 0660: connecting needs "
                       "write permission");
    command.add_option("--reject-message", arguments->reject_message,
                       "Text sent before a connection over max_connections or max_per_address "
                       "is closed; reactor only");
    add_reactor_options(command, *arguments);
    add_throttle(command, arguments->throttle);
    command
        .add_option(
            "--proxy-protocol", arguments->proxies,
            "Peers that must send a PROXY protocol header, which names their client: addresses, "
            "NETWORK/BITS, unix or any, separated by commas [none]")
        ->type_name("FROM");
    add_tls(command, arguments->tls);
    add_lists(command, *arguments);
    add_probe(command, arguments->probe);
    return
        [arguments, workers, &registry] { return run(*arguments, registry, workers->count() > 0); };
}

}  // namespace

Command add_serve(CLI::App& app, const Registry& registry) {
    auto arguments = std::make_shared<ServeArguments>();
    arguments->subcommand = {"serve"};
    CLI::App* command = app.add_subcommand("serve", "Serve a protocol until SIGTERM or SIGINT");
    command->add_option("protocol", arguments->protocol, "See `switchboard protocols`")->required();
    command->footer(footer());
    return {command, add_arguments(*command, registry, arguments)};
}

std::function<Outcome()> add_serve_arguments(CLI::App& app, const Registry& registry) {
    auto arguments = std::make_shared<ServeArguments>();
    const bool only_one = registry.all().size() == 1;
    if (only_one) arguments->protocol = registry.all().front().name;
    auto* protocol = app.add_option("protocol", arguments->protocol,
                                    "One of the protocols that are listed below");
    only_one ? protocol->capture_default_str() : protocol->required();
    app.footer("Protocols:\n" + list_of(registry) + "\n" + footer());
    return add_arguments(app, registry, arguments);
}

}  // namespace switchboard::program
