#include "compare/knee_search.hpp"

#include <fmt/core.h>

#include "base/files.hpp"
#include "base/parse.hpp"
#include "base/text.hpp"
#include "compare/validity.hpp"

namespace switchboard::bench {
namespace {

constexpr double kPrecision = 0.02;  // of the ceiling: seven probes
constexpr int kAgree = 2;            // windows of kAgree * 2 - 1
constexpr int kMostVoided = 5;       // windows of a probe that are disturbed by other processes

}  // namespace

Result<Slo> parse_slo(const std::string& text) {
    const auto sign = text.find('<');
    const std::string name = text.substr(0, sign);
    const auto percent = name == "max"           ? std::optional(100.0)
                         : name.starts_with("p") ? parse_quantity(name.substr(1), {{"", 1}})
                                                 : std::nullopt;
    const bool is_percent = percent && *percent > 0 && (*percent < 100 || name == "max");
    if (sign == std::string::npos || !is_percent)
        return bad_option("invalid objective '{}'; examples are p99<2ms and max<10ms", text);
    // parse_duration() has no microseconds, and a reply takes less than a millisecond.
    const auto time = parse_quantity(text.substr(sign + 1), {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}});
    if (!time || *time <= 0)
        return bad_option("invalid time in '{}': a number above 0 with us, ms or s", text);
    return Slo{*percent, *time, text};
}

Knee find_knee(double ceiling, double precision,
               const std::function<std::optional<Probe>(double rate)>& measure) {
    Knee knee;
    double lowest_over = ceiling;
    for (double rate = ceiling; lowest_over - knee.rate > precision * ceiling;
         rate = (knee.rate + lowest_over) / 2) {
        auto probe = measure(rate);
        if (!probe) break;
        knee.probes.push_back(*std::move(probe));
        const Probe& made = knee.probes.back();
        if (made.holds == true) {
            knee.rate = rate;
        } else {
            lowest_over = rate;
            knee.why_not_found = made.holds ? "" : made.why;
        }
        if (knee.rate == ceiling) {
            knee.why_not_found = "even the rate of its closed loop meets the objective";
            break;
        }
    }
    return knee;
}

std::optional<Probe> repeat_probe(double most_noise,
                                  const std::function<std::optional<Window>()>& measure) {
    for (int held = 0, broken = 0, voided = 0;;) {
        auto window = measure();
        if (!window) return std::nullopt;
        Probe& probe = window->probe;
        if (window->noise > most_noise) {
            if (++voided < kMostVoided) continue;
            probe.holds.reset();
            probe.why =
                fmt::format("other processes used {:.1f}% of the CPUs in each of several windows",
                            *window->noise * 100);
        }
        if (!probe.holds) return probe;
        ++(*probe.holds ? held : broken);
        if (held == kAgree || broken == kAgree) return probe;
    }
}

Probe evaluate_probe(const Slo& slo, double rate, std::size_t connections,
                     const CellRun& measured) {
    const Measurement& figures = measured.figures;
    Probe probe{.rate = rate};
    if (!figures.problem.empty()) {
        probe.why = figures.problem;
        return probe;
    }
    probe.reached = kThroughput.of(figures).value_or(0);
    probe.latency = seconds_at(measured.latency, slo.percent);
    if (figures.failed > 0) {
        probe.why = fmt::format("{} failed", count_text(figures.failed, "connection"));
    } else if (figures.answered < connections) {
        probe.why = fmt::format("serves {} of {}", figures.answered, connections);
    } else if (is_generator_bound(figures.generator_cpu / figures.seconds,
                                  busy_of_server(figures))) {
        probe.holds.reset();
        probe.why = "limited by the generator";
    } else if (figures.unanswered > 0) {
        probe.why = count_text(figures.unanswered, "request") + " never answered";
    } else if (!reaches_rate(figures.exchanges, figures.due)) {
        probe.why = "rate not reached: " + rate_text(probe.reached);
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

Knee search_knee(const Experiment& experiment, const CellRounds& closed_loop, const CpuPlan& cpus) {
    const auto invalid = why_invalid(closed_loop);
    if (!invalid.empty()) return {.why_not_found = invalid.front().text};
    const double ceiling = *kThroughput.of(closed_loop.rounds.front());
    Experiment at_rate = experiment;
    at_rate.exchanges = Load::kNoEnd;
    std::size_t wrong = 0;
    Knee knee = find_knee(ceiling, kPrecision, [&](double rate) {
        at_rate.rate = rate;
        std::size_t window = 0;
        return repeat_probe(experiment.noise, [&]() -> std::optional<Window> {
            const CellRun measured = measure_cell(at_rate, closed_loop.cell, cpus, ++window);
            wrong += measured.figures.wrong();
            if (is_interrupted()) return std::nullopt;
            return Window{
                evaluate_probe(*experiment.slo, rate, closed_loop.cell.connections, measured),
                measured.figures.noise};
        });
    });
    knee.wrong = wrong;
    return knee;
}

}  // namespace switchboard::bench
