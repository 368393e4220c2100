// More simultaneous connections than one process may have.
#include <doctest/doctest.h>

#include <algorithm>
#include <base/parse.hpp>
#include <base/text.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <self_test/trial.hpp>
#include <system/usage.hpp>

#include "mass_connect.hpp"
#include "scale.hpp"

namespace switchboard::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr double kMostDeviation = 0.05;  // of the memory per connection, compared with one process
constexpr std::size_t kEnoughToSize = 5'000;  // per server; with fewer, the size of pages dominates
constexpr std::chrono::seconds kPatience{120};

struct CrowdOptions {
    std::size_t servers = 8;
    std::size_t connections = 150'000;  // over all servers
};

struct Held {
    OnceTally connected, echoed;
    std::size_t held = 0;  // counted by the descriptors of the servers
    double memory = 0;     // of the servers, in bytes per connection
    double seconds = 0;    // to connect
};

class Stage {
public:
    // Starts servers with room for `connections` connections each.
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
        // The servers may not have accepted the last connections yet.
        const std::size_t all = servers_.size() * connections_;
        const auto hold_all = [&] { return sum(count_descriptors) >= descriptors + all; };
        if (held.connected.ended == 0) wait_until(hold_all);
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
    std::vector<Crowd> loads_;  // last: closed before the servers stop, because they drain
};

void judge_held(Checks& checks, const Held& held, std::size_t all) {
    const auto wanted = static_cast<double>(all);
    checks.equal("connected", static_cast<double>(held.connected.connected), wanted, grouped);
    checks.note("  connections a second", grouped(wanted / held.seconds));
    checks.equal("held at once by the servers", static_cast<double>(held.held), wanted, grouped);
    checks.equal("echoed once, every byte right", static_cast<double>(held.echoed.answered), wanted,
                 grouped);
    checks.equal("failed", static_cast<double>(held.echoed.failed), 0, grouped);
    if (held.echoed.failed > 0) checks.note("  which", held.echoed.failures_text());
}

void judge_memory(Checks& checks, const Held& many, const Held& one, std::size_t each) {
    const auto bytes = [](double value) { return grouped(value) + " B"; };
    checks.note("memory per connection", bytes(many.memory));
    checks.note("  in one process of as many", bytes(one.memory));
    const std::string what = "  off by";
    const double off = std::abs(many.memory / one.memory - 1) * 100;
    const auto percent = [](double value) { return fixed(value, 1) + "%"; };
    if (each >= kEnoughToSize) {
        checks.at_most(what, off, kMostDeviation * 100, percent);
    } else {
        checks.note(what, percent(off) + ", too few to judge");
    }
}

Result<Held> hold(std::size_t servers, std::size_t each, const CpuPlan& cpus) {
    auto stage = Stage::open(servers, each, cpus);
    if (!stage) return tl::unexpected(stage.error());
    return stage->run();
}

int crowd(const CrowdOptions& options) {
    return run_checks([&](const CpuPlan& cpus, Checks& checks) -> Result<void> {
        const std::size_t each = options.connections / options.servers;
        const std::size_t all = each * options.servers;
        std::printf("%zu connections at once over %zu servers, from 250 addresses\n", all,
                    options.servers);
        std::fflush(stdout);
        const auto one = hold(1, each, cpus);
        if (!one) return tl::unexpected(one.error());
        const auto many = hold(options.servers, each, cpus);
        if (!many) return tl::unexpected(many.error());
        judge_held(checks, *many, all);
        judge_memory(checks, *many, *one, each);
        return {};
    });
}

}  // namespace
}  // namespace switchboard::bench

TEST_CASE("soak crowd: 150,000 connections are held at once, and each echoes") {
    using namespace switchboard::bench;
    CrowdOptions options;
    if (soak_is_short()) {
        options.servers = 2;
        options.connections = 200;
    }
    CHECK(crowd(options) == 0);
}
