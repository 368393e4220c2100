#include "judge.hpp"

#include <algorithm>
#include <functional>

#include "format.hpp"

namespace switchboard::bench {
namespace {

std::string range(std::size_t low, std::size_t high) {
    const std::string first = std::to_string(low);
    return low == high ? first : first + "-" + std::to_string(high);
}

// The median over the rounds that served something; nullopt when none did.
template <class Figure>
std::optional<double> median_of(const CellRounds& cell, Figure figure) {
    Rounds rounds;
    for (const Measurement& round : cell.rounds) {
        if (round.exchanges > 0) rounds.push_back(figure(round));
    }
    const auto summary = summarize(rounds);
    return summary ? std::optional(summary->median) : std::nullopt;
}

// Of an open loop not each connection need have its turn within the window.
std::size_t served_of(const Measurement& m) {
    return m.asked_rate ? m.answered : m.served;
}

// What is wrong with it in one respect; empty when nothing is.
std::string unserved(const CellRounds& cell) {
    const auto [low, high] = std::minmax_element(
        cell.rounds.begin(), cell.rounds.end(),
        [](const Measurement& a, const Measurement& b) { return served_of(a) < served_of(b); });
    const std::size_t asked = cell.cell.connections;
    if (served_of(*low) == asked) return {};
    const std::string part =
        range(served_of(*low), served_of(*high)) + " of " + std::to_string(asked);
    const bool all_in_time = std::all_of(cell.rounds.begin(), cell.rounds.end(),
                                         [&](const Measurement& m) { return m.answered == asked; });
    return all_in_time ? "replies to " + part + " within the window" : "serves " + part;
}

// All may be served without that, by a part of an exchange, as of a line to many; and of an open loop not
// all need be served in the window.
std::string unfinished(const CellRounds& cell) {
    const auto rounds =
        std::count_if(cell.rounds.begin(), cell.rounds.end(), [&](const Measurement& m) {
            return m.exchanges == 0 && (m.due > 0 || m.served == cell.cell.connections);
        });
    if (rounds == 0) return {};
    return "no exchange came to its end in " + std::to_string(rounds) + " of " +
           std::to_string(cell.rounds.size()) + " rounds";
}

std::string stuck(const CellRounds& cell) {
    const auto most = std::max_element(
        cell.rounds.begin(), cell.rounds.end(),
        [](const Measurement& a, const Measurement& b) { return a.stuck < b.stuck; });
    if (most->stuck == 0) return {};
    return std::to_string(most->stuck) + " of " + std::to_string(cell.cell.connections) +
           " without a reply in the window's second half";
}

// Of an open loop: one that is never answered is no matter of percentages.
std::string unanswered(const CellRounds& cell) {
    std::uint64_t lost = 0;
    for (const Measurement& round : cell.rounds) lost += round.unanswered;
    return lost == 0 ? "" : std::to_string(lost) + " requests never answered";
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
    return "limited by the generator: its CPU " + fixed(*generator * 100, 0) +
           "% busy, the server's " + fixed(*server * 100, 0) + "%";
}

std::string rate_missed(const CellRounds& cell) {
    Rounds reached;
    for (const Measurement& m : cell.rounds) {
        if (!m.asked_rate || m.due == 0) continue;
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
    const auto rounds = std::count_if(cell.rounds.begin(), cell.rounds.end(),
                                      [&](const Measurement& m) { return m.noise > limit; });
    return "others used " + fixed(*noise * 100, 1) + "% of the CPUs; " + std::to_string(rounds) +
           " of " + std::to_string(cell.rounds.size()) + " rounds were noisy";
}

}  // namespace

bool reaches_rate(std::uint64_t exchanges, std::uint64_t due) noexcept {
    return static_cast<double>(exchanges) + 2 >= kRateReached * static_cast<double>(due);
}

const char* to_string(Reason reason) noexcept {
    switch (reason) {
        case Reason::not_run: return "not_run";
        case Reason::not_measured: return "not_measured";
        case Reason::not_all_served: return "not_all_served";
        case Reason::errors: return "errors";
        case Reason::generator_saturated: return "generator_saturated";
        case Reason::rate_not_reached: return "rate_not_reached";
        case Reason::noise: return "noise";
    }
    return "";
}

std::vector<Invalid> why_invalid(const CellRounds& cell, double noise_limit) {
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
    add(Reason::not_all_served, stuck(cell));
    add(Reason::not_all_served, unanswered(cell));
    add(Reason::errors, failures(cell));
    add(Reason::generator_saturated, generator_bound(cell));
    add(Reason::rate_not_reached, rate_missed(cell));
    add(Reason::noise, noisy(cell, noise_limit));
    return reasons;
}

std::string notes_of(const std::vector<Invalid>& reasons) {
    std::string notes;
    for (const Invalid& invalid : reasons) notes += (notes.empty() ? "" : "; ") + invalid.text;
    return notes;
}

}  // namespace switchboard::bench
