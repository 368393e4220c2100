// A peer that never stops sending must cost the other connections little.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <base/parse.hpp>
#include <base/text.hpp>
#include <cost/lockstep.hpp>
#include <cstdio>
#include <generator/generator.hpp>
#include <random>
#include <self_test/trial.hpp>
#include <switchboard/limits.hpp>
#include <system/usage.hpp>

#include "flood.hpp"
#include "scale.hpp"

namespace switchboard::bench {
namespace {

using std::chrono::milliseconds;

constexpr double kMostSlower = 3;
constexpr std::size_t kMessage = 64;

struct FirehoseOptions {
    std::size_t idle = 9'000;
    std::size_t others = 10;
    std::size_t rounds = 9;
    milliseconds duration{2'000};
};

// What runs beside the measured connections: nothing, a peer that never reads, or one that then reconnects.
enum Beside : std::size_t { kNobody, kOnce, kAgain, kKinds };
constexpr std::array<const char*, kKinds> kBeside{"nobody", "one that never reads",
                                                  "one that comes again when stuck"};

struct Figures {
    double p99 = 0;    // seconds
    double grown = 0;  // bytes; the peak of resident memory since the window opened
    std::uint64_t hosed = 0;
    std::size_t connects = 0;
};

Result<void> check_load(const LoadResult& load, std::size_t others, const Firehose& firehose) {
    if (load.tally.failed > 0)
        return fail(errc::unsupported, std::to_string(load.tally.failed) + " of the others failed");
    if (load.tally.served < others)
        return fail(errc::unsupported, std::to_string(load.tally.served) + " of " +
                                           std::to_string(others) + " others were served");
    if (firehose.failures() == 0) return {};
    return fail(errc::unsupported, "the firehose could not connect");
}

// The firehose opens when the window opens, so that the window contains its first rush.
Result<Figures> measure(const FirehoseOptions& options, Server& server, Beside beside) {
    Firehose firehose(server.endpoint(),
                      beside == kAgain ? WhenStuck::comes_again : WhenStuck::waits);
    LoadPlan plan;
    plan.target = server.endpoint();
    plan.group = {.connections = options.others, .size = kMessage};
    plan.duration = options.duration;
    Figures figures;
    double resident = 0;
    LoadHooks hooks;
    hooks.window_opens = [&] {
        resident = static_cast<double>(status_bytes(server.pid(), "VmRSS"));
        if (beside != kNobody) firehose.open();
    };
    hooks.window_closes = [&] {
        figures.grown = static_cast<double>(status_bytes(server.pid(), "VmHWM")) - resident;
    };
    const auto load = run_load(plan, hooks);
    if (!load) return tl::unexpected(load.error());
    if (auto fit = check_load(*load, options.others, firehose); !fit)
        return tl::unexpected(fit.error());
    figures.p99 = static_cast<double>(load->tally.latency.percentile(99)) * 1e-9;
    figures.hosed = firehose.bytes();
    figures.connects = firehose.connects();
    return figures;
}

Result<Figures> run_round(const FirehoseOptions& options, const CpuPlan& cpus, Beside beside) {
    auto server = start_echo("reactor", options.idle + options.others, cpus.server);
    if (!server) return tl::unexpected(server.error());
    std::optional<Lockstep> idle;
    if (options.idle > 0) {
        auto opened = Lockstep::open(server->endpoint(), options.idle, echo_dialogue(kMessage));
        if (!opened) return tl::unexpected(opened.error());
        idle.emplace(std::move(*opened));
    }
    auto figures = measure(options, *server, beside);
    const std::string gone = server->why_gone();
    return gone.empty() ? figures : fail(errc::unsupported, "server: " + gone);
}

using AllFigures = std::array<std::vector<Figures>, kKinds>;

Result<AllFigures> run_rounds(const FirehoseOptions& options, const CpuPlan& cpus) {
    std::mt19937 random(std::random_device{}());
    std::array<Beside, kKinds> order{kNobody, kOnce, kAgain};
    AllFigures all;
    for (std::size_t round = 0; round < options.rounds; ++round) {
        std::shuffle(order.begin(), order.end(), random);
        for (const Beside beside : order) {
            const auto figures = run_round(options, cpus, beside);
            if (!figures) return tl::unexpected(figures.error());
            all[beside].push_back(*figures);
        }
    }
    return all;
}

template <class Value>
Rounds rounds_of(const std::vector<Figures>& figures, Value Figures::*value) {
    Rounds rounds;
    for (const Figures& one : figures) rounds.emplace_back(static_cast<double>(one.*value));
    return rounds;
}

void judge_latency(Checks& checks, const AllFigures& all) {
    for (const Beside beside : {kNobody, kOnce, kAgain}) {
        const auto p99 = summarize(rounds_of(all[beside], &Figures::p99));
        checks.note(std::string("p99 beside ") + kBeside[beside],
                    seconds_text(p99->median) + percent_text(*p99));
    }
    for (const Beside beside : {kOnce, kAgain}) {
        check_at_most(checks, {std::string("p99, ratio: ") + kBeside[beside], kMostSlower},
                      paired_ratios(rounds_of(all[beside], &Figures::p99),
                                    rounds_of(all[kNobody], &Figures::p99)));
    }
}

// The server may queue max_write_buffer for one peer, and in addition what it reads in one turn.
void judge_memory(Checks& checks, const FirehoseOptions& options, const AllFigures& all) {
    const ConnectionLimits limits;
    const auto cap = static_cast<double>(limits.max_write_buffer + limits.read_budget);
    for (const Beside beside : {kNobody, kOnce, kAgain}) {
        const auto grown = summarize(rounds_of(all[beside], &Figures::grown));
        const std::string what = std::string("memory, most growth: ") + kBeside[beside];
        if (beside != kNobody && options.rounds >= kEnoughRounds) {
            checks.at_most(what, grown->max, cap, bytes_text);
        } else {
            checks.note(what, bytes_text(grown->max));
        }
    }
}

void note_firehose(Checks& checks, const AllFigures& all) {
    for (const Beside beside : {kOnce, kAgain}) {
        const auto hosed = summarize(rounds_of(all[beside], &Figures::hosed));
        const auto connects = summarize(rounds_of(all[beside], &Figures::connects));
        checks.note(std::string("sent by ") + kBeside[beside],
                    bytes_text(hosed->median) + " over " + grouped(connects->median) +
                        (connects->median > 1 ? " connections" : " connection"));
    }
}

int firehose(const FirehoseOptions& options) {
    return run_checks([&](const CpuPlan& cpus, Checks& checks) -> Result<void> {
        if (auto pinned = pin_to(cpus.generator); !pinned) return pinned;
        std::printf("%zu idle connections, %zu others that echo %zu B, and a firehose\n",
                    options.idle, options.others, kMessage);
        std::fflush(stdout);
        const auto all = run_rounds(options, cpus);
        if (!all) return tl::unexpected(all.error());
        judge_latency(checks, *all);
        judge_memory(checks, options, *all);
        note_firehose(checks, *all);
        return {};
    });
}

}  // namespace
}  // namespace switchboard::bench

TEST_CASE("soak firehose: a peer that sends and never reads costs the others little") {
    using namespace switchboard::bench;
    FirehoseOptions options;
    if (soak_is_short()) {
        options.idle = 100;
        options.others = 3;
        options.rounds = 1;
        options.duration = std::chrono::milliseconds(100);
    }
    CHECK(firehose(options) == 0);
}
