// More connections at once than one process may have.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "crowd.hpp"
#include "format.hpp"
#include "lists.hpp"
#include "process_status.hpp"
#include "trial.hpp"
#include "trial_parts.hpp"
#include "usage.hpp"

namespace switchboard::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr double kMostDeviation = 0.05;       // of memory per connection from that in one process
constexpr std::size_t kEnoughToSize = 5'000;  // connections a server; with fewer, pages decide
constexpr std::chrono::seconds kPatience{120};

struct CrowdOptions {
    std::size_t servers = 8;
    std::size_t connections = 150'000;  // over all servers
};

Result<void> check(const CrowdOptions& options) {
    if (auto fit = check_range("--servers", options.servers, 1, 100); !fit) return fit;
    const std::size_t most = (most_connections() - 100) * options.servers;
    return check_range("--connections", options.connections, options.servers, most);
}

struct Held {
    OnceTally connected, echoed;
    std::size_t held = 0;  // at once, by the descriptors of the servers
    double memory = 0;     // bytes a connection, of the servers
    double seconds = 0;    // to connect
};

class Stage {
public:
    // `connections` each.
    static Result<Stage> open(std::size_t servers, std::size_t connections, const CpuPlan& cpus) {
        Stage stage(connections);
        for (std::size_t i = 0; i < servers; ++i) {
            auto server =
                start_echo("reactor", connections, i % 2 == 0 ? cpus.server : cpus.generator);
            if (!server) return tl::unexpected(server.error());
            stage.servers_.push_back(std::move(*server));
        }
        return stage;
    }

    Result<Held> run() {
        const auto deadline = SteadyClock::now() + kPatience;
        const std::size_t descriptors = sum(count_descriptors);
        const std::size_t memory = sum(read_memory);
        Held held;
        if (auto done = connect(held, deadline); !done) return tl::unexpected(done.error());
        // The servers may have to accept the last ones yet.
        const std::size_t all = servers_.size() * connections_;
        const auto hold_all = [&] { return sum(count_descriptors) >= descriptors + all; };
        if (held.connected.ended == 0) comes_true(hold_all);
        const std::size_t now = sum(count_descriptors);
        held.held = now - std::min(now, descriptors);
        if (auto done = echo(held, deadline); !done) return tl::unexpected(done.error());
        held.memory = (static_cast<double>(sum(read_memory)) - static_cast<double>(memory)) /
                      static_cast<double>(all);
        return held;
    }

private:
    explicit Stage(std::size_t connections) : connections_(connections) {}

    std::size_t sum(std::size_t (*of)(pid_t)) const {
        std::size_t all = 0;
        for (const Server& server : servers_) all += of(server.pid());
        return all;
    }

    Result<void> connect(Held& held, SteadyClock::time_point deadline) {
        const auto began = SteadyClock::now();
        for (const Server& server : servers_) {
            auto load =
                Crowd::start({server.endpoint(), connections_, loads_.size() * connections_});
            if (!load) return tl::unexpected(load.error());
            loads_.push_back(std::move(*load));
        }
        auto came = collect(held.connected, deadline);
        held.seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
        return came;
    }

    Result<void> echo(Held& held, SteadyClock::time_point deadline) {
        for (Crowd& load : loads_) {
            if (auto asked = load.ask(); !asked) return asked;
        }
        return collect(held.echoed, deadline);
    }

    Result<void> collect(OnceTally& tally, SteadyClock::time_point deadline) {
        for (Crowd& load : loads_) {
            const auto part = load.report(deadline);
            if (!part) return tl::unexpected(part.error());
            tally += *part;
        }
        return {};
    }

    std::size_t connections_;
    std::vector<Server> servers_;
    std::vector<Crowd> loads_;  // last: closed before the servers stop, which drain
};

void judge_held(Verdicts& verdicts, const Held& held, std::size_t all) {
    const auto wanted = static_cast<double>(all);
    verdicts.equal("connected", static_cast<double>(held.connected.connected), wanted, grouped);
    verdicts.note("  connections a second", grouped(wanted / held.seconds));
    verdicts.equal("held at once by the servers", static_cast<double>(held.held), wanted, grouped);
    verdicts.equal("echoed once, every byte right", static_cast<double>(held.echoed.answered),
                   wanted, grouped);
    verdicts.equal("failed", static_cast<double>(held.echoed.failed), 0, grouped);
    if (held.echoed.failed > 0) verdicts.note("  which", held.echoed.failures_text());
}

void judge_memory(Verdicts& verdicts, const Held& many, const Held& one, std::size_t each) {
    const auto bytes = [](double value) { return grouped(value) + " B"; };
    verdicts.note("memory per connection", bytes(many.memory));
    verdicts.note("  in one process of as many", bytes(one.memory));
    const std::string what = "  off by";
    const double off = std::abs(many.memory / one.memory - 1) * 100;
    const auto percent = [](double value) { return fixed(value, 1) + "%"; };
    if (each >= kEnoughToSize) {
        verdicts.at_most(what, off, kMostDeviation * 100, percent);
    } else {
        verdicts.note(what, percent(off) + ", too few to judge");
    }
}

Result<Held> hold(std::size_t servers, std::size_t each, const CpuPlan& cpus) {
    auto stage = Stage::open(servers, each, cpus);
    if (!stage) return tl::unexpected(stage.error());
    return stage->run();
}

int crowd(const CrowdOptions& options) {
    return judge([&](const CpuPlan& cpus, Verdicts& verdicts) -> Result<void> {
        const std::size_t each = options.connections / options.servers;
        const std::size_t all = each * options.servers;
        std::printf("%zu connections at once over %zu servers, from 250 addresses\n", all,
                    options.servers);
        std::fflush(stdout);
        const auto one = hold(1, each, cpus);
        if (!one) return tl::unexpected(one.error());
        const auto many = hold(options.servers, each, cpus);
        if (!many) return tl::unexpected(many.error());
        judge_held(verdicts, *many, all);
        judge_memory(verdicts, *many, *one, each);
        return {};
    });
}

}  // namespace

void add_crowd(CLI::App& trials, std::function<int()>& chosen) {
    auto options = std::make_shared<CrowdOptions>();
    CLI::App* command =
        trials.add_subcommand("crowd", "more connections at once than one process may have");
    add_parsed(*command, "--servers", options->servers, parse_count, "processes [8]", "N");
    add_parsed(*command, "--connections", options->connections, parse_count,
               "over all of them [150000]", "N");
    command->callback([options, &chosen] {
        if (auto fit = check(*options); !fit) throw CLI::ValidationError(fit.error().tried());
        chosen = [options] { return crowd(*options); };
    });
}

}  // namespace switchboard::bench
