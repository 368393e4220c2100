#include "measurement.hpp"

#include <algorithm>
#include <numeric>

namespace switchboard::bench {
namespace {

using Value = std::optional<double>;

template <double Measurement::*Member>
Value latency(const Measurement& m) {
    return m.exchanges == 0 ? Value() : Value(m.*Member);
}

Value cpu_per_exchange(const Measurement& m) {
    if (m.exchanges == 0) return std::nullopt;
    return m.server_cpu.total / static_cast<double>(m.exchanges);
}

Value throughput(const Measurement& m) {
    if (m.exchanges == 0 || m.seconds <= 0) return std::nullopt;
    return static_cast<double>(m.exchanges) / m.seconds;
}

std::string range(std::size_t low, std::size_t high) {
    const std::string first = std::to_string(low);
    return low == high ? first : first + "-" + std::to_string(high);
}

void append(std::string& notes, const std::string& note) {
    if (!notes.empty()) notes += "; ";
    notes += note;
}

std::string served_note(const CellRounds& cell) {
    const auto [low, high] = std::minmax_element(
        cell.rounds.begin(), cell.rounds.end(),
        [](const Measurement& a, const Measurement& b) { return a.served < b.served; });
    const std::size_t asked = cell.cell.connections;
    if (low->served == asked) return {};
    const std::string part = range(low->served, high->served) + " of " + std::to_string(asked);
    const bool all_in_time = std::all_of(cell.rounds.begin(), cell.rounds.end(),
                                         [&](const Measurement& m) { return m.answered == asked; });
    return all_in_time ? "replies to " + part + " within the window" : "serves " + part;
}

void append_failures(std::string& notes, const CellRounds& cell) {
    FailureCounts sum{};
    std::string first;
    for (const Measurement& round : cell.rounds) {
        std::transform(sum.begin(), sum.end(), round.failures.begin(), sum.begin(), std::plus<>());
        if (first.empty()) first = round.first_failure;
    }
    for (std::size_t i = 0; i < kFailures; ++i) {
        if (sum[i] == 0) continue;
        const auto kind = static_cast<Failure>(i);
        const std::string detail = kind == Failure::other && !first.empty() ? ": " + first : "";
        append(notes, std::to_string(sum[i]) + " " + to_string(kind) + detail);
    }
}

}  // namespace

const Metric kThroughput{"throughput", throughput};
const Metric kP50{"p50", latency<&Measurement::p50>};
const Metric kP99{"p99", latency<&Measurement::p99>};
const Metric kP999{"p99.9", latency<&Measurement::p999>};
const Metric kMax{"max", latency<&Measurement::max>};
const Metric kCpu{"cpu", cpu_per_exchange};
const Metric kMemory{"memory", [](const Measurement& m) {
                         return m.memory == 0 ? Value() : Value(static_cast<double>(m.memory));
                     }};

const std::vector<const Metric*>& all_metrics() {
    static const std::vector<const Metric*> metrics{&kThroughput, &kP50, &kP99,   &kP999,
                                                    &kMax,        &kCpu, &kMemory};
    return metrics;
}

Rounds rounds_of(const CellRounds& cell, const Metric& metric) {
    Rounds rounds;
    for (const Measurement& round : cell.rounds) rounds.push_back(metric.of(round));
    return rounds;
}

std::optional<Summary> summarize(const CellRounds& cell, const Metric& metric) {
    return summarize(rounds_of(cell, metric));
}

std::optional<Summary> ratio(const CellRounds& cell, const CellRounds& base, const Metric& metric) {
    return summarize(paired_ratios(rounds_of(cell, metric), rounds_of(base, metric)));
}

std::optional<double> user_share(const CellRounds& cell) {
    double user = 0, all = 0;
    for (const Measurement& round : cell.rounds) {
        user += round.server_cpu.user_ticks;
        all += round.server_cpu.ticks;
    }
    return all > 0 ? std::optional(user / all) : std::nullopt;
}

bool is_whole(const CellRounds& cell) {
    return std::all_of(cell.rounds.begin(), cell.rounds.end(), [&](const Measurement& round) {
        return round.problem.empty() && round.served == cell.cell.connections && round.failed == 0;
    });
}

bool is_generator_bound(const CellRounds& cell) {
    Rounds generator, server;
    for (const Measurement& round : cell.rounds) {
        if (round.exchanges == 0) continue;
        generator.push_back(round.generator_cpu / round.seconds);
        server.push_back(round.server_cpu.total / round.seconds);
    }
    const auto busy = summarize(generator);
    return busy && busy->median > 0.9 && busy->median > summarize(server)->median;
}

std::string notes_of(const CellRounds& cell) {
    if (cell.rounds.empty()) return "not run";
    for (const Measurement& round : cell.rounds) {
        if (!round.problem.empty()) return round.problem;
    }
    std::string notes = served_note(cell);
    append_failures(notes, cell);
    if (is_generator_bound(cell)) append(notes, "limited by the generator");
    return notes;
}

}  // namespace switchboard::bench
