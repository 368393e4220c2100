#include "compare/validity.hpp"

#include <fmt/core.h>
#include <algorithm>

#include "base/text.hpp"

namespace switchboard::bench {
namespace {

// The median over the rounds that served something; nullopt if none did.
template <class Figure>
std::optional<double> median_of(const CellRounds& cell, Figure figure) {
    Rounds rounds;
    for (const Measurement& round : cell.rounds) {
        if (round.exchanges > 0) rounds.push_back(figure(round));
    }
    const auto summary = summarize(rounds);
    return summary ? std::optional(summary->median) : std::nullopt;
}

// In an open loop, not every connection need have its turn within the window.
std::size_t served_of(const Measurement& m) {
    return m.offered_rate ? m.answered : m.served;
}

// The problem in one respect. Empty: no problem.
std::string unserved(const CellRounds& cell) {
    const auto [least, highest] = std::ranges::minmax_element(cell.rounds, {}, served_of);
    const std::size_t low = served_of(*least), high = served_of(*highest);
    const std::size_t asked = cell.cell.connections;
    if (low == asked) return {};
    const std::string part = low == high ? fmt::format("{} of {}", low, asked)
                                         : fmt::format("{}-{} of {}", low, high, asked);
    const bool all_in_time =
        std::ranges::all_of(cell.rounds, [&](const Measurement& m) { return m.answered == asked; });
    return all_in_time ? "replies to " + part + " within the window" : "serves " + part;
}

// Parts of exchanges may serve all connections without completing one, as with a line to many. In an open
// loop, not all need be served in the window.
std::string unfinished(const CellRounds& cell) {
    const auto rounds = std::ranges::count_if(cell.rounds, [&](const Measurement& m) {
        return m.exchanges == 0 && (m.due > 0 || m.served == cell.cell.connections);
    });
    if (rounds == 0) return {};
    return fmt::format("no exchange was completed in {} of {} rounds", rounds, cell.rounds.size());
}

std::string starved(const CellRounds& cell) {
    const std::size_t most =
        std::ranges::max_element(cell.rounds, {}, &Measurement::starved)->starved;
    if (most == 0) return {};
    return fmt::format("{} of {} connections had no reply in the second half of the window", most,
                       cell.cell.connections);
}

// Open loop: even one request that is never answered is an error, whatever its percentage.
std::string unanswered(const CellRounds& cell) {
    std::uint64_t lost = 0;
    for (const Measurement& round : cell.rounds) lost += round.unanswered;
    return lost == 0 ? "" : count_text(lost, "request") + " never answered";
}

std::string failures(const CellRounds& cell) {
    FailureCounts sum{};
    std::string first;
    for (const Measurement& round : cell.rounds) {
        std::transform(sum.begin(), sum.end(), round.failures.begin(), sum.begin(), std::plus<>());
        if (first.empty()) first = round.first_failure;
    }
    return failures_text(sum, first);
}

std::string generator_bound(const CellRounds& cell) {
    const auto generator =
        median_of(cell, [](const Measurement& m) { return m.generator_cpu / m.seconds; });
    const auto server = median_of(cell, busy_of_server);
    if (!generator || !is_generator_bound(*generator, *server)) return {};
    if (*server > 0) return generator_bound_text(*generator, *server);
    return fmt::format(
        "perhaps limited by the generator: its CPU was {:.0f}% busy, the server's is unknown",
        *generator * 100);
}

std::string rate_missed(const CellRounds& cell) {
    Rounds reached;
    for (const Measurement& m : cell.rounds) {
        if (!m.offered_rate || m.due == 0) continue;
        const double part = static_cast<double>(m.exchanges) / static_cast<double>(m.due);
        reached.emplace_back(reaches_rate(m.exchanges, m.due) ? 1 : part);
    }
    const auto summary = summarize(reached);
    if (!summary || summary->median >= kRateReached) return {};
    return "reached " + fixed(summary->median * 100, 1) + "% of the rate";
}

std::string noisy(const CellRounds& cell, double limit) {
    const auto noise = median_of(cell, [](const Measurement& m) { return m.noise; });
    if (!noise || *noise <= limit) return {};
    const auto rounds =
        std::ranges::count_if(cell.rounds, [&](const Measurement& m) { return m.noise > limit; });
    return fmt::format("other processes used {:.1f}% of the CPUs; {} of {} rounds were noisy",
                       *noise * 100, rounds, cell.rounds.size());
}

}  // namespace

std::string generator_bound_text(double generator, double server) {
    return fmt::format("limited by the generator: its CPU was {:.0f}% busy, the server's {:.0f}%",
                       generator * 100, server * 100);
}

bool reaches_rate(std::uint64_t exchanges, std::uint64_t due) noexcept {
    return static_cast<double>(exchanges) + 2 >= kRateReached * static_cast<double>(due);
}

std::vector<Invalid> why_invalid(const CellRounds& cell) {
    if (cell.rounds.empty()) return {{Reason::not_run, "not run"}};
    for (const Measurement& round : cell.rounds) {
        if (!round.problem.empty()) return {{Reason::not_measured, round.problem}};
    }
    std::vector<Invalid> reasons;
    const auto add = [&](Reason reason, std::string text) {
        if (!text.empty()) reasons.push_back({reason, std::move(text)});
    };
    add(Reason::not_all_served, unserved(cell));
    add(Reason::not_all_served, unfinished(cell));
    add(Reason::not_all_served, starved(cell));
    add(Reason::not_all_served, unanswered(cell));
    add(Reason::errors, failures(cell));
    add(Reason::rate_not_reached, rate_missed(cell));
    return reasons;
}

std::vector<Invalid> why_doubtful(const CellRounds& cell, double noise_limit) {
    std::vector<Invalid> reasons;
    if (auto text = generator_bound(cell); !text.empty())
        reasons.push_back({Reason::generator_saturated, std::move(text)});
    if (auto text = noisy(cell, noise_limit); !text.empty())
        reasons.push_back({Reason::noise, std::move(text)});
    return reasons;
}

std::string notes_of(const std::vector<Invalid>& reasons) {
    return joined(reasons, "; ", &Invalid::text);
}

}  // namespace switchboard::bench
