#include "plot_parts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "format.hpp"

namespace switchboard::bench {
namespace {

// After Okabe and Ito, then Tol: neighbours are apart for the colour-blind too. With so many no colour
// is enough; points and dashes repeat after other numbers of servers, so that no two look the same.
constexpr std::array kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
                              "#000000", "#882255", "#999933", "#332288", "#a6761d", "#44aa99",
                              "#7f7f7f", "#aa4499", "#117733", "#cc3311"};
constexpr std::array kPoints{7, 5, 9, 13, 11, 6, 4, 8, 12, 10, 2, 1, 3};  // filled, open, strokes
constexpr std::size_t kDashes = 4;                                        // all of different length

std::string micros_text(double seconds) {
    return fixed(seconds * 1e6, seconds < 9.995e-6 ? 2 : 1) + " us";
}

std::string memory_text(double bytes) {
    return bytes < 1024 ? fixed(bytes, 0) + " B" : bytes_text(bytes);
}

std::string rate_text(double rate) {
    return grouped(rate);
}

// Ticks by rising value, from the last at or below `low` to the first at or above `high`: these numbers
// before the powers of `base`.
std::vector<double> ticks_between(const Span& span, const std::vector<int>& steps, int base) {
    std::vector<double> ticks;
    for (double power = std::pow(base, std::floor(std::log(span.low) / std::log(base)) - 1);;
         power *= base) {
        for (const int step : steps) {
            const double tick = power * step;
            if (tick <= span.low * (1 + 1e-9)) ticks.clear();
            ticks.push_back(tick);
            if (tick >= span.high * (1 - 1e-9)) return ticks;
        }
    }
}

// As many as can be read: all numbers of a narrow axis, only the powers of a wide one.
std::vector<double> ticks_for(const Span& span, bool binary) {
    constexpr std::size_t kMany = 11;
    if (!binary && span.high / span.low <= 3)
        return ticks_between(span, {1, 2, 3, 4, 5, 6, 7, 8, 9}, 10);
    auto ticks = binary ? ticks_between(span, {1}, 2) : ticks_between(span, {1, 2, 5}, 10);
    return ticks.size() <= kMany ? ticks : ticks_between(span, {1}, binary ? 4 : 10);
}

}  // namespace

const std::vector<Quantity>& quantities() {
    static const std::vector<Quantity> all{
        {"throughput", "Throughput", "exchanges per second", &kThroughput, false, "%.0s%c",
         rate_text},
        {"p99", "Latency of the slowest 1%", "p99", &kP99, false, "%.0s %cs", seconds_text},
        {"cpu", "The server's CPU time per exchange, user and system", "CPU time", &kCpu, false,
         "%.0s %cs", micros_text},
        {"memory", "The server's memory per connection", "memory / connections", &kMemory, true,
         nullptr, memory_text}};
    return all;
}

std::optional<Summary> summary_of(const CellRounds& cell, const Quantity& quantity) {
    Rounds rounds = rounds_of(cell, *quantity.metric);
    for (std::size_t i = 0; i < rounds.size(); ++i) {
        auto& round = rounds[i];
        if (round && *round <= 0) round.reset();
        if (round && quantity.per_connection) *round /= static_cast<double>(cell.rounds[i].held);
    }
    return summarize(rounds);
}

std::size_t place_of(const Results& results, const std::string& server) {
    const auto& servers = results.options.servers;
    const auto found = std::find(servers.begin(), servers.end(), server);
    return static_cast<std::size_t>(found - servers.begin());
}

std::string colour_of(std::size_t place) {
    return kColours[place % kColours.size()];
}

std::string line_style_of(std::size_t place) {
    return "lw 1.8 ps 0.7 pt " + std::to_string(kPoints[place % kPoints.size()]) + " dt " +
           std::to_string(1 + place / 6 % kDashes) + " lc rgb '" + colour_of(place) + "'";
}

void Span::add(double value) {
    if (value <= 0) return;
    low = empty() ? value : std::min(low, value);
    high = std::max(high, value);
}

std::string log_axis(char axis, const Span& span, const Quantity& quantity) {
    const bool binary = quantity.format == nullptr;
    const auto ticks = ticks_for(span, binary);
    std::ostringstream script;
    script << "set logscale " << axis << "\nset " << axis << "range [" << ticks.front() / 1.02
           << ':' << ticks.back() * 1.02 << "]\nset " << axis << "label " << quoted(quantity.label)
           << "\nset " << axis << "tics (";
    for (const double tick : ticks) {
        if (tick != ticks.front()) script << ',';
        if (binary) script << quoted(quantity.text(tick)) << ' ';
        script << tick;
    }
    script << ")\n";
    if (!binary) script << "set format " << axis << ' ' << quoted(quantity.format) << '\n';
    return script.str();
}

int height_with_key(std::size_t servers) {
    return 340 + 19 * static_cast<int>((servers + 1) / 2);
}

}  // namespace switchboard::bench
