#include "compare_knee.hpp"

#include "format.hpp"
#include "interrupt.hpp"
#include "judge.hpp"

namespace switchboard::bench {
namespace {

constexpr double kPrecision = 0.02;  // of the ceiling: seven probes
constexpr int kAgree = 2;            // windows of kAgree * 2 - 1
constexpr int kMostVoided = 5;       // windows of a probe in which others used the CPUs

}  // namespace

std::optional<Probe> settle_probe(double most_noise,
                                  const std::function<std::optional<Window>()>& measure) {
    for (int held = 0, broken = 0, voided = 0;;) {
        auto window = measure();
        if (!window) return std::nullopt;
        Probe& probe = window->probe;
        if (window->noise > most_noise) {
            if (++voided < kMostVoided) continue;
            probe.holds.reset();
            probe.why =
                "others used " + fixed(*window->noise * 100, 1) + "% of the CPUs, again and again";
        }
        if (!probe.holds) return probe;
        ++(*probe.holds ? held : broken);
        if (held == kAgree || broken == kAgree) return probe;
    }
}

Probe judge_probe(const Slo& slo, double rate, std::size_t connections, const Measured& measured) {
    const Measurement& figures = measured.figures;
    Probe probe{.rate = rate};
    if (!figures.problem.empty()) {
        probe.why = figures.problem;
        return probe;
    }
    probe.reached = kThroughput.of(figures).value_or(0);
    probe.latency = seconds_at(measured.latency, slo.percent);
    if (figures.failed > 0) {
        probe.why = std::to_string(figures.failed) + " connections failed";
    } else if (figures.answered < connections) {
        probe.why =
            "serves " + std::to_string(figures.answered) + " of " + std::to_string(connections);
    } else if (is_generator_bound(figures.generator_cpu / figures.seconds,
                                  busy_of_server(figures))) {
        probe.holds.reset();
        probe.why = "limited by the generator";
    } else if (figures.unanswered > 0) {
        probe.why = std::to_string(figures.unanswered) + " requests never answered";
    } else if (!reaches_rate(figures.exchanges, figures.due)) {
        probe.why = "rate not reached: " + grouped(probe.reached);
    } else if (!has_percentile(measured.latency, slo.percent)) {
        probe.holds.reset();
        probe.why = "too few replies for " + slo.text;
    } else if (probe.latency >= slo.seconds) {
        probe.why = seconds_text(probe.latency) + " at " + slo.text;
    } else {
        probe.holds = true;
    }
    return probe;
}

Knee search_knee(const CompareOptions& options, const CellRounds& closed_loop,
                 const CpuPlan& cpus) {
    for (const Invalid& invalid : why_invalid(closed_loop)) {
        // These two are told of each probe by itself.
        if (invalid.reason == Reason::generator_saturated || invalid.reason == Reason::noise)
            continue;
        return {.untold = invalid.text};
    }
    const double ceiling = *kThroughput.of(closed_loop.rounds.front());
    CompareOptions at_rate = options;
    at_rate.exchanges = Load::kNoEnd;
    std::size_t wrong = 0;
    Knee knee = find_knee(ceiling, kPrecision, [&](double rate) {
        at_rate.rate = rate;
        std::size_t window = 0;
        return settle_probe(options.noise, [&]() -> std::optional<Window> {
            const Measured measured = measure_cell(at_rate, closed_loop.cell, cpus, ++window);
            wrong += measured.figures.wrong();
            if (is_interrupted()) return std::nullopt;
            return Window{judge_probe(*options.slo, rate, closed_loop.cell.connections, measured),
                          measured.figures.noise};
        });
    });
    knee.wrong = wrong;
    return knee;
}

}  // namespace switchboard::bench
