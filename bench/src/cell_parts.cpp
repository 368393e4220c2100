#include "cell_parts.hpp"

#include <algorithm>
#include <functional>

namespace switchboard::bench {
namespace {

// Without those beside it a cell is not what its title says.
void add_failures(Measurement& m, const Tally& beside) {
    m.failed += beside.failed;
    std::transform(m.failures.begin(), m.failures.end(), beside.failures.begin(),
                   m.failures.begin(), std::plus<>());
    if (m.first_failure.empty()) m.first_failure = beside.first_failure;
}

// Of what was used while it was looked at.
double part_of_window(const LoadResult& load) {
    return load.lasted > 0 ? load.seconds / load.lasted : 0;
}

Measurement figures_of(const LoadResult& load) {
    const Tally& tally = load.tally;
    Measurement m;
    m.connected = tally.connected;
    m.answered = tally.answered;
    m.served = tally.served;
    m.stuck = tally.stuck;
    m.exchanges = tally.exchanges;
    m.seconds = load.seconds;
    m.generator_cpu = load.cpu_seconds * part_of_window(load);
    m.latencies = tally.latency.count();
    m.p50 = seconds_at(tally.latency, 50);
    m.p99 = seconds_at(tally.latency, 99);
    m.p999 = seconds_at(tally.latency, 99.9);
    m.max = seconds_at(tally.latency, 100);
    m.failed = tally.failed;
    m.failures = tally.failures;
    m.first_failure = tally.first_failure;
    m.due = tally.due;
    m.unanswered = tally.unanswered;
    m.uncorrected_p99 = seconds_at(tally.uncorrected, 99);
    m.late_p99 = seconds_at(load.lateness, 99);
    for (const Tally& beside : load.beside) add_failures(m, beside);
    return m;
}

// The window's part of what was counted over a longer time of the same load: that of the CPU time.
std::optional<Switches> part_of(const std::optional<Switches>& counted, double window, double all) {
    if (!counted || all <= 0) return std::nullopt;
    return Switches{counted->voluntary * window / all, counted->involuntary * window / all};
}

}  // namespace

LoadPlan plan_for(const CompareOptions& options, const Cell& cell, std::size_t round) {
    LoadPlan plan;
    plan.group = {.workload = options.workload,
                  .connections = cell.connections,
                  .size = cell.size,
                  .reply = options.reply,
                  .depth = options.depth};
    for (const std::string& beside : options.beside)
        plan.beside.push_back(*parse_beside(beside, cell.size));
    plan.rate = options.rate;
    plan.arrivals = options.arrivals;
    plan.seed = options.seed + round;
    plan.exchanges = options.exchanges;
    plan.settle = options.settle();
    plan.warm_up = options.warm_up();
    plan.duration = options.duration;
    return plan;
}

double own_cpu(const LoadResult& load, const Readings& readings) {
    return readings.used().total + load.cpu_seconds;
}

Measurement figures_of(const LoadPlan& plan, const LoadResult& load, const Readings& readings) {
    Measurement m = figures_of(load);
    m.held = all_connections(plan);
    if (plan.rate > 0) m.asked_rate = plan.rate;
    m.server_cpu = readings.used() * part_of_window(load);
    m.switches =
        part_of(readings.switches, m.server_cpu.total, (readings.rest - readings.idle).total);
    m.memory = std::max(readings.memory_idle, readings.memory_rest);
    return m;
}

double cpus_free(const CpuPlan& cpus, const Measurement& figures, std::size_t most) {
    const auto all = static_cast<double>(cpus.of_server().size());
    const auto wanted = static_cast<double>(most);
    if (!cpus.spread() || figures.seconds <= 0) return std::min(wanted, all);
    const double left = std::max(all - figures.generator_cpu / figures.seconds,
                                 figures.server_cpu.total / figures.seconds);
    return std::min(wanted, left);
}

}  // namespace switchboard::bench
