#include <doctest/doctest.h>

#include <algorithm>
#include <compare/experiment.hpp>
#include <compare/run_cell.hpp>
#include <set>

#include "samples.hpp"

using namespace switchboard::bench;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

Tally tally(std::size_t refused, std::size_t wrong) {
    Tally tally;
    tally.failed = refused + wrong;
    tally.failures[static_cast<std::size_t>(Failure::refused)] = refused;
    tally.failures[static_cast<std::size_t>(Failure::wrong_bytes)] = wrong;
    return tally;
}

// The result of an open loop with a window of 2 s, measured for 4 s. No two figures are equal.
LoadResult some_load() {
    LoadResult load;
    load.tally = tally(3, 1);
    load.tally.exchanges = 4'000;
    load.tally.connected = 60;
    load.tally.answered = 50;
    load.tally.served = 40;
    load.tally.starved = 5;
    load.tally.due = 4'200;
    load.tally.unanswered = 17;
    load.tally.latency = hundred(3 * kMs);
    load.tally.uncorrected = hundred(2 * kMs);
    load.lateness = hundred(1 * kMs);
    load.background = {tally(0, 0), tally(10, 20)};
    load.background[1].first_failure = "too many open files";
    load.seconds = 2;
    load.lasted = 4;
    load.cpu_seconds = 1.2;
    return load;
}

LoadPlan some_plan() {
    LoadPlan plan;
    plan.group.connections = 70;
    plan.background = {{.connections = 2}, {.connections = 30}};
    plan.rate = 2'100;
    return plan;
}

// CPU time: 0.1 s before the window, 3 s in it and 0.5 s after it.
Readings some_readings() {
    return {.idle = {1.0, 10, 20},
            .before = {1.1, 11, 24},
            .after = {4.1, 31, 124},
            .rest = {4.6, 40, 150},
            .switches = Switches{720, 36},
            .memory_idle = 1'000,
            .memory_rest = 3'000};
}

}  // namespace

TEST_CASE("bench cell: the figures of the load in the window") {
    const Measurement m = figures_of(some_plan(), some_load(), some_readings());
    CHECK(m.problem.empty());
    CHECK(m.connected == 60);
    CHECK(m.answered == 50);
    CHECK(m.served == 40);
    CHECK(m.starved == 5);
    CHECK(m.exchanges == 4'000);
    CHECK(m.seconds == 2);
    CHECK(m.due == 4'200);
    CHECK(m.unanswered == 17);
    CHECK(m.offered_rate == 2'100);
}

TEST_CASE("bench cell: each percentile is of its own histogram, in seconds") {
    const Measurement m = figures_of(some_plan(), some_load(), some_readings());
    CHECK(m.latencies == 100);
    const auto is = [](double seconds) { return doctest::Approx(seconds).epsilon(0.001); };
    CHECK(m.p50 == is(0.150));
    CHECK(m.p99 == is(0.297));
    CHECK(m.p999 == is(0.300));
    CHECK(m.max == is(0.300));
    CHECK(m.uncorrected_p99 == is(0.198));
    CHECK(m.send_delay_p99 == is(0.099));
}

TEST_CASE("bench cell: p99.9 and the slowest are separate figures") {
    LoadResult load = some_load();
    load.tally.latency.record(1 * kMs, 9'899);
    load.tally.latency.record(500 * kMs);
    const Measurement m = figures_of(some_plan(), load, some_readings());
    CHECK(m.p999 == doctest::Approx(0.273).epsilon(0.002));
    CHECK(m.max == doctest::Approx(0.5).epsilon(0.001));
}

TEST_CASE("bench cell: failures in the background count, too") {
    const Measurement m = figures_of(some_plan(), some_load(), some_readings());
    CHECK(m.failed == 34);
    CHECK(m.failures[static_cast<std::size_t>(Failure::refused)] == 13);
    CHECK(m.wrong() == 21);
    CHECK(m.first_failure == "too many open files");
}

TEST_CASE(
    "bench cell: a server's cost is that of the window, in proportion if measured for longer") {
    const LoadResult load = some_load();
    const Measurement m = figures_of(some_plan(), load, some_readings());
    CHECK(m.server_cpu.total == doctest::Approx(1.5));  // half of the 3 s
    CHECK(m.server_cpu.user_ticks == doctest::Approx(10));
    CHECK(m.server_cpu.ticks == doctest::Approx(50));
    CHECK(m.generator_cpu == doctest::Approx(0.6));
    REQUIRE(m.switches.has_value());  // 720 and 36 in 3.6 s of CPU time
    CHECK(m.switches->voluntary == doctest::Approx(300));
    CHECK(m.switches->involuntary == doctest::Approx(15));
    // The CPU time while the noise was measured, which is all 4 s.
    CHECK(own_cpu(load, some_readings()) == doctest::Approx(4.2));
    Readings unseen = some_readings();
    unseen.switches.reset();
    CHECK_FALSE(figures_of(some_plan(), load, unseen).switches.has_value());
}

TEST_CASE("bench cell: memory is the peak over all readings") {
    Readings readings = some_readings();
    CHECK(figures_of(some_plan(), some_load(), readings).memory == 3'000);
    readings.memory_idle = 5'000;
    CHECK(figures_of(some_plan(), some_load(), readings).memory == 5'000);
}

TEST_CASE("bench cell: a window that never opened has nothing, and a closed loop no rate") {
    LoadPlan closed = some_plan();
    closed.rate = 0;
    const Measurement m = figures_of(closed, LoadResult{}, Readings{});
    CHECK_FALSE(m.offered_rate.has_value());
    CHECK(m.server_cpu.total == 0);
    CHECK(m.generator_cpu == 0);
    CHECK_FALSE(m.switches.has_value());
}

TEST_CASE("bench cell: arrivals are equal for all servers of a round, and differ between rounds") {
    Experiment options;
    options.seed = 7;
    options.rate = 500;
    options.arrivals = Arrivals::poisson;
    options.depth = 3;
    options.reply = 99;
    options.background = {"slow-reader:2"};
    options.duration = 700ms;
    const LoadPlan plan = plan_for(options, {"reactor", 48, 12}, 2);
    CHECK(plan.seed == 9);
    CHECK(plan_for(options, {"threads", 48, 12}, 2).seed == 9);
    CHECK(plan_for(options, {"reactor", 48, 12}, 3).seed == 10);
    CHECK(plan.rate == 500);
    CHECK(plan.arrivals == Arrivals::poisson);
    CHECK(plan.group.connections == 12);
    CHECK(plan.group.size == 48);
    CHECK(plan.group.reply == 99);
    CHECK(plan.group.depth == 3);
    REQUIRE(plan.background.size() == 1);
    CHECK(plan.background[0].connections == 2);
    CHECK(plan.duration == 700ms);
}

TEST_CASE("bench cell: a server has at most the CPUs that exist, and that it can use") {
    Measurement m;
    m.seconds = 2;
    m.generator_cpu = 1;
    m.server_cpu.total = 2;
    const CpuPlan apart{.server = 0, .generator = 1};
    CHECK(cpus_free(apart, m, 100) == 1);
    const CpuPlan spread{.server = 0, .generator = 0, .all = {0, 1}};
    CHECK(cpus_free(spread, m, 100) == 1.5);  // the generator used half of one CPU
    CHECK(cpus_free(spread, m, 1) == 1);
    m.server_cpu.total = 3.8;  // the server can have what it used
    CHECK(cpus_free(spread, m, 100) == 1.9);
    m.seconds = 0;
    CHECK(cpus_free(spread, m, 100) == 2);
}

namespace {

Experiment many(std::uint64_t seed) {
    Experiment options;
    options.servers = {"reactor", "threads", "processes", "libevent"};
    options.sizes = {64, 1'024};
    options.connections = {1, 10, 100};
    options.seed = seed;
    return options;
}

}  // namespace

TEST_CASE("bench order: each cell once per round, and the cells of one load in succession") {
    RandomOrder order(many(7));
    for (int round = 0; round < 5; ++round) {
        const std::vector<Cell> cells = order.next_round();
        const std::vector<Cell> all = all_cells(many(7));
        CHECK(std::is_permutation(cells.begin(), cells.end(), all.begin(), all.end()));
        for (std::size_t i = 0; i < cells.size(); ++i) CHECK(same_load(cells[i], cells[i / 4 * 4]));
    }
}

TEST_CASE("bench order: no server and no load is always first") {
    RandomOrder order(many(7));
    std::set<std::string> first, second;
    std::set<std::size_t> loads;
    for (int round = 0; round < 20; ++round) {
        const std::vector<Cell> cells = order.next_round();
        first.insert(cells[0].server);
        second.insert(cells[4].server);  // the first server under the next load
        loads.insert(cells[0].connections * 10'000 + cells[0].size);
    }
    CHECK(first.size() == 4);
    CHECK(second.size() == 4);
    CHECK(loads.size() == 6);
}

TEST_CASE("bench order: a seed determines the order of each round") {
    RandomOrder one(many(7)), same(many(7)), other(many(8));
    const std::vector<Cell> round = one.next_round();
    CHECK(same.next_round() == round);
    CHECK(one.next_round() == same.next_round());
    CHECK(other.next_round() != round);
}
