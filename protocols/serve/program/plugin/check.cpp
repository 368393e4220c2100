// `switchboard plugin check`: the conformance kit for the protocols of a plugin.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <switchboard/plugin_host.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/testing/check_sockets.hpp>
#include <switchboard/testing/conformance.hpp>

#include "base/counted.hpp"
#include "contained.hpp"
#include "plugin.hpp"
#include "plugins.hpp"
#include "quoted.hpp"

namespace switchboard::program {
namespace {

using namespace std::chrono_literals;
using testing::Transcript;

constexpr std::size_t kRandomRuns = 200;
constexpr std::size_t kMostLogLines = 20;
constexpr const char* kRandomInput = "random input, seed ";
constexpr auto kSocketPatience = 60s;  // check_sockets() itself waits for 10 s at each step

struct CheckArguments {
    std::string plugin, protocol, transcripts, only;
    std::string timeout = "30s";
    std::vector<std::string> options;
    std::uint64_t seed = 1;
    std::size_t most_runs = testing::CheckOptions{}.most_runs;
};

// Prints a finding, and the command that runs it alone.
void print_finding(const CheckArguments& arguments, const std::string& protocol,
                   const std::string& run, const std::string& problem) {
    std::string again = "switchboard plugin check " + quoted_for_shell(arguments.plugin);
    if (!protocol.empty()) again += " --protocol " + quoted_for_shell(protocol);
    if (!arguments.transcripts.empty())
        again += " --transcripts " + quoted_for_shell(arguments.transcripts);
    for (const std::string& option : arguments.options)
        again += " --option " + quoted_for_shell(option);
    const CheckArguments usual;
    if (arguments.timeout != usual.timeout)
        again += " --timeout " + quoted_for_shell(arguments.timeout);
    if (arguments.most_runs != usual.most_runs)
        again += " --most-runs " + std::to_string(arguments.most_runs);
    if (arguments.seed != usual.seed) again += " --seed " + std::to_string(arguments.seed);
    if (!run.empty()) again += " --only " + quoted_for_shell(run);
    std::printf("%s: %s: %s\n  again: %s\n", protocol.empty() ? "plugin" : protocol.c_str(),
                run.empty() ? "start or stop" : run.c_str(), problem.c_str(), again.c_str());
    std::fflush(stdout);  // the next run may crash
}

// A reactor that drains when `stop` does.
Result<void> serve_on_reactor(const Socket& listener, const ProtocolFactory& factory,
                              const Stop& stop, const ConnectionLimits& limits) {
    Reactor reactor;
    const auto at = Endpoint::parse("fd:" + std::to_string(listener.fd()));
    if (!at) return tl::unexpected(at.error());
    const auto listening = reactor.listen(*at, factory, {.connection = limits});
    if (!listening) return tl::unexpected(listening.error());
    TimerId look{};
    look = reactor.every(1ms, [&] {
        if (!stop.draining()) return;
        reactor.cancel(look);
        reactor.drain(10s, {});
    });
    reactor.run();
    return {};
}

std::vector<testing::SocketServer> every_driver() {
    std::vector<testing::SocketServer> all = testing::blocking_servers();
    all.push_back({"reactor", [](Socket listener, const ProtocolFactory& factory, const Stop& stop,
                                 const ConnectionLimits& limits) {
                       auto served = serve_on_reactor(listener, factory, stop, limits);
                       listener.release();  // the reactor has closed it
                       return served;
                   }});
    return all;
}

// The host's report of a call that a plugin must not make.
bool is_misuse(std::string_view line) {
    return line.ends_with("with a connection that has ended") ||
           line.ends_with("which it must not");
}

std::size_t count_threads() {
    std::error_code none;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator at("/proc/self/task", none), end; !none && at != end;
         at.increment(none))
        ++count;
    return count;
}

// The check of one plugin, in the child process.
class PluginCheck {
public:
    PluginCheck(const CheckArguments& arguments, std::chrono::milliseconds patience,
                Progress& progress)
        : arguments_(arguments), patience_(patience), progress_(progress) {}

    Outcome run(const std::string& path) {
        const auto options = Options::parse(arguments_.options);
        if (!options) return refuse(options.error());
        options_ = *options;
        if (auto read = read_transcripts(); !read) return read;
        const auto loaded =
            load_plugin(path, registry_, [this](auto level, auto text) { log(level, text); });
        if (!loaded) return refuse(loaded.error());
        if (auto checked = check_all(); !checked) return checked;
        progress_.note("", "", patience_);  // the plugin stops when this object is destroyed
        if (const std::size_t findings = progress_.findings(); findings > 0)
            return refuse(loaded->name + ": " + detail::counted(findings, "finding"));
        if (runs_ == 0)
            return refuse(arguments_.only.empty() ? loaded->name + ": nothing could be checked"
                                                  : "no run is called '" + arguments_.only + "'");
        return {};
    }

private:
    Outcome read_transcripts() {
        if (arguments_.transcripts.empty()) return {};
        auto read = testing::read_transcripts(arguments_.transcripts);
        if (!read) return refuse(read.error());
        if (read->empty()) return refuse(arguments_.transcripts + ": it has no transcripts");
        transcripts_ = std::move(*read);
        return {};
    }

    Outcome check_all() {
        const auto all = registry_.all();
        if (!arguments_.protocol.empty()) {
            const Registration* const one = registry_.find(arguments_.protocol);
            if (one == nullptr)
                return refuse("the plugin has no protocol '" + arguments_.protocol + "'");
            return check(*one);
        }
        if (all.size() > 1 && (!transcripts_.empty() || !arguments_.options.empty()))
            return refuse(
                "the plugin has several protocols: say with --protocol which one is meant");
        for (const Registration& each : all)
            if (auto checked = check(each); !checked) return checked;
        return {};
    }

    Outcome check(const Registration& registration) {
        protocol_ = registration.name;
        if (!registration.make || registration.needs_reactor) {
            std::printf("%s: not checked: %s\n", protocol_.c_str(),
                        registration.make ? "it requires the reactor" : "it has datagrams only");
            return {};
        }
        const auto shared = registry_.make(protocol_, options_, {});
        if (!shared) return refuse(shared.error());
        // Connections of one use may share state on purpose, such as a store. Transcripts expect new state.
        const ProtocolFactory alone = [this]() -> std::unique_ptr<Protocol> {
            const auto made = registry_.make(protocol_, options_, {});
            return made ? (*made)() : nullptr;
        };
        if (!transcripts_.empty()) {
            in_memory(alone);
            over_sockets(alone, registration.starts_threads);
        }
        random_input(*shared);
        return {};
    }

    void in_memory(const ProtocolFactory& factory) {
        const auto report =
            testing::check(factory, transcripts_,
                           {.most_runs = arguments_.most_runs,
                            .seed = arguments_.seed,
                            .only = arguments_.only,
                            .on_run = [this](const auto& run) { begin(run, patience_); }});
        add(report, "in memory");
    }

    void over_sockets(const ProtocolFactory& factory, bool starts_threads) {
        // The servers are processes that are forked.
        if (starts_threads || count_threads() > threads_) {
            std::printf("%s: not over sockets: the plugin has threads\n", protocol_.c_str());
            return;
        }
        testing::Report all;
        for (const Transcript& transcript : transcripts_) {
            if (failed_.count(transcript.name()) > 0) continue;
            for (const testing::SocketServer& server : every_driver()) {
                begin(transcript.name() + ": " + server.name, kSocketPatience);
                const std::size_t before = progress_.findings();  // the servers may add to it
                testing::Report one = testing::check_sockets(factory, {transcript}, {server},
                                                             {.only = arguments_.only});
                all.runs += one.runs;
                std::move(one.findings.begin(), one.findings.end(),
                          std::back_inserter(all.findings));
                if (!one.findings.empty() || progress_.findings() > before) break;
            }
        }
        add(all, "over sockets");
    }

    void random_input(const ProtocolFactory& factory) {
        std::uint64_t first = arguments_.seed;  // after the largest seed comes 0
        std::size_t count = kRandomRuns;
        if (!arguments_.only.empty()) {
            const std::string_view only = arguments_.only, name = kRandomInput;
            if (!only.starts_with(name)) return;
            const char* const end = only.data() + only.size();
            const auto read = std::from_chars(only.data() + name.size(), end, first);
            if (read.ec != std::errc() || read.ptr != end) return;
            count = 1;
        }
        testing::Report report;
        for (std::uint64_t seed = first; report.runs < count; ++seed, ++report.runs) {
            const std::string run = kRandomInput + std::to_string(seed);
            begin(run, patience_);
            const auto lines = testing::check_robustness(factory, 1, seed);
            if (lines.empty()) continue;
            const std::string& line = lines.front();  // "seed 7: ..."
            found(run, line.substr(line.find(": ") + 2));
            break;
        }
        add(report, "with random input");
    }

    void add(const testing::Report& report, const char* where) {
        for (const testing::Finding& each : report.findings) {
            failed_.insert(each.transcript);
            const bool random = each.delivery.starts_with("random");
            found(each.transcript + ": " + each.delivery,
                  each.problem + (random ? " (seed " + std::to_string(each.seed) + ")" : ""));
        }
        runs_ += report.runs;
        if (report.runs > 0)
            std::printf("%s: %s %s\n", protocol_.c_str(),
                        detail::counted(report.runs, "run").c_str(), where);
        std::fflush(stdout);
    }

    void begin(const std::string& run, std::chrono::milliseconds patience) {
        running_ = run;
        progress_.note(protocol_, run, patience);
    }

    void found(const std::string& run, const std::string& problem) {
        progress_.add_finding();
        print_finding(arguments_, protocol_, run, problem);
    }

    // Each line once. Servers of check_sockets() call this on several threads of processes of their own.
    void log(LogLevel level, std::string_view text) {
        const std::lock_guard lock(log_mutex_);
        const bool misuse = is_misuse(text);
        if ((level < LogLevel::warning && !misuse) || log_.size() >= kMostLogLines) return;
        if (!log_.emplace(text).second) return;
        if (misuse) return found(running_, std::string(text));
        std::fprintf(stderr, "%s\n", std::string(text).c_str());
    }

    const CheckArguments& arguments_;
    const std::chrono::milliseconds patience_;
    Progress& progress_;
    const std::size_t threads_ = count_threads();  // without the plugin's; a sanitizer has one
    Options options_;
    std::vector<Transcript> transcripts_;
    std::string protocol_, running_;
    std::set<std::string> failed_;  // names of transcripts
    std::size_t runs_ = 0;
    std::mutex log_mutex_;
    std::set<std::string, std::less<>> log_;
    Registry registry_;  // the last member: its plugins log when they are stopped
};

Outcome check_plugin(const CheckArguments& arguments) {
    const auto patience = parse_duration(arguments.timeout);
    if (!patience) return refuse("--timeout: " + patience.error().message());
    if (patience->count() <= 0) return refuse("--timeout: must be longer than 0");
    const auto path = plugin_path(arguments.plugin);
    if (!path) return refuse(path.error());
    if (const auto probed = probe_plugin(*path); !probed) return refuse(probed.error());
    auto contained = Contained::create();
    if (!contained) return refuse(contained.error());
    return contained->run(
        [&](Progress& progress) { return PluginCheck(arguments, *patience, progress).run(*path); },
        [&](const std::string& protocol, const std::string& run, const std::string& problem) {
            print_finding(arguments, protocol, run, problem);
            return refuse(arguments.plugin + ": " + problem);
        });
}

}  // namespace

Command add_plugin_check(CLI::App& plugin) {
    auto arguments = std::make_shared<CheckArguments>();
    CLI::App* command = plugin.add_subcommand("check",
                                              "Check that a plugin loads, and check its protocols "
                                              "with random input and with transcripts");
    command->add_option("plugin", arguments->plugin, kPluginHelp)->required();
    command->add_option("--transcripts", arguments->transcripts,
                        "A file with conversations, which are delivered in thousands of ways in "
                        "memory, and over sockets under every driver");
    command->add_option("--protocol", arguments->protocol, "Only this protocol of the plugin");
    command->add_option("--option", arguments->options, "NAME=VALUE for the protocol")
        ->take_all()
        ->allow_extra_args(false);
    command->add_option("--only", arguments->only,
                        "Only this run, as a finding prints it: 'put, get: cut at 3'");
    command->add_option("--seed", arguments->seed, "Seed of the runs with random input")
        ->capture_default_str();
    command
        ->add_option("--most-runs", arguments->most_runs,
                     "Maximum number of runs for each kind of delivery of one transcript")
        ->capture_default_str();
    command->add_option("--timeout", arguments->timeout, "How long one run in memory may take")
        ->capture_default_str();
    return {command, [arguments] { return check_plugin(*arguments); }};
}

}  // namespace switchboard::program
