#include "compare/measurement.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace switchboard::bench {
namespace {

using Value = std::optional<double>;

// A stream has exchanges, and no latency. A percentile needs at least one latency beyond it, or it is only
// the slowest.
template <double Measurement::*Member, int OneIn>
Value latency(const Measurement& m) {
    return m.exchanges == 0 || m.latencies < OneIn ? Value() : Value(m.*Member);
}

template <double Measurement::*Member>
Value open_loop_p99(const Measurement& m) {
    return m.offered_rate ? latency<Member, 100>(m) : Value();
}

Value cpu_per_exchange(const Measurement& m) {
    if (m.exchanges == 0 || m.server_cpu.total <= 0) return std::nullopt;  // or it is not known
    return m.server_cpu.total / static_cast<double>(m.exchanges);
}

Value throughput(const Measurement& m) {
    if (m.exchanges == 0 || m.seconds <= 0) return std::nullopt;
    return static_cast<double>(m.exchanges) / m.seconds;
}

template <double Switches::*Member>
Value switches_per_exchange(const Measurement& m) {
    if (m.exchanges == 0 || !m.switches) return std::nullopt;
    return (*m.switches).*Member / static_cast<double>(m.exchanges);
}

Value memory(const Measurement& m) {
    return m.memory == 0 ? Value() : Value(static_cast<double>(m.memory));
}

}  // namespace

const Metric kThroughput{"throughput", "throughput_per_second", true, throughput, per_second_text};
const Metric kP50{"p50", "p50_seconds", false, latency<&Measurement::p50, 2>, seconds_text};
const Metric kP99{"p99", "p99_seconds", false, latency<&Measurement::p99, 100>, seconds_text};
const Metric kP999{"p99.9", "p99.9_seconds", false, latency<&Measurement::p999, 1'000>,
                   seconds_text};
const Metric kMax{"max", "max_seconds", false, latency<&Measurement::max, 1>, seconds_text};
const Metric kCpu{"cpu", "cpu_seconds_per_exchange", false, cpu_per_exchange, seconds_text};
const Metric kVoluntary{"voluntary_switches",
                        "voluntary_switches_per_exchange",
                        false,
                        switches_per_exchange<&Switches::voluntary>,
                        significant,
                        0.01};
const Metric kInvoluntary{"involuntary_switches",
                          "involuntary_switches_per_exchange",
                          false,
                          switches_per_exchange<&Switches::involuntary>,
                          significant,
                          0.01};
const Metric kMemory{"memory", "memory_bytes", false, memory, bytes_text};

const Metric kUncorrectedP99{"uncorrected_p99", "uncorrected_p99_seconds", false,
                             open_loop_p99<&Measurement::uncorrected_p99>, seconds_text};
const Metric kSendDelayP99{"send_delay_p99", "send_delay_p99_seconds", false,
                           open_loop_p99<&Measurement::send_delay_p99>, seconds_text};

const std::vector<const Metric*>& all_metrics() {
    static const std::vector<const Metric*> metrics{
        &kThroughput, &kP50, &kP99, &kP999, &kMax, &kCpu, &kVoluntary, &kInvoluntary, &kMemory};
    return metrics;
}

bool is_percentile(const Metric& metric) noexcept {
    return &metric == &kP50 || &metric == &kP99 || &metric == &kP999;
}

Rounds rounds_of(const CellRounds& cell, const Metric& metric) {
    Rounds rounds;
    bool all = true;
    for (const Measurement& round : cell.rounds) {
        rounds.push_back(metric.of(round));
        all = all && (rounds.back() || round.latencies == 0);
    }
    return all || !is_percentile(metric) ? rounds : Rounds(rounds.size());
}

std::optional<Summary> summarize(const CellRounds& cell, const Metric& metric) {
    return summarize(rounds_of(cell, metric));
}

Rounds knee_rates(const CellRounds& cell) {
    Rounds rates;
    for (const Knee& knee : cell.knees)
        rates.push_back(knee.why_not_found.empty() ? std::optional(knee.rate) : std::nullopt);
    return rates;
}

std::optional<Ratio> ratio(const CellRounds& cell, const CellRounds& base, const Metric& metric,
                           std::uint64_t seed) {
    return ratio(rounds_of(cell, metric), rounds_of(base, metric), seed);
}

std::optional<Ratio> ratio(const Rounds& values, const Rounds& bases, std::uint64_t seed) {
    const Rounds ratios = paired_ratios(values, bases);
    const auto summary = summarize(ratios);
    if (!summary) return std::nullopt;
    return Ratio{*summary, median_interval(ratios, seed)};
}

std::optional<double> user_share(const CellRounds& cell) {
    double user = 0, all = 0;
    for (const Measurement& round : cell.rounds) {
        user += round.server_cpu.user_ticks;
        all += round.server_cpu.ticks;
    }
    return all > 0 ? std::optional(user / all) : std::nullopt;
}

}  // namespace switchboard::bench
