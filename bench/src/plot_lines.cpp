// Plots with a line for each server.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "format.hpp"
#include "plot_bars.hpp"
#include "plot_parts.hpp"

namespace switchboard::bench {
namespace {

// Lines and bars as they come together; all of it goes into one script.
class Lines {
public:
    explicit Lines(const Results& results) : results_(results) {}

    // `points` has x, y, lowest and highest; `bars` the same for the bars. An empty line is a gap.
    void add(const std::string& server, const std::string& points, const std::string& bars,
             const std::string& more_style = {}) {
        const std::size_t place = place_of(results_, server);
        const std::string line = "$l" + std::to_string(place),
                          spread = "$s" + std::to_string(place);
        data_ += line + " << EOD\n" + points + "EOD\n";
        lines_ += separator() + line + " using 1:2 with linespoints " + line_style_of(place) +
                  more_style + " title " + quoted(server);
        ++count_;
        if (bars.empty()) return;
        data_ += spread + " << EOD\n" + bars + "EOD\n";
        lines_ += separator() + spread + " using 1:3:(0):($4-$3) with vectors " + kSpread +
                  " lc rgb '" + colour_of(place) + "' notitle";
    }
    std::size_t count() const { return count_; }
    std::string script(const std::string& axes) const {
        return std::string(kGrid) + kKeyBelow + axes + data_ + "plot " + lines_ + "\n";
    }

private:
    std::string separator() const { return lines_.empty() ? "" : ", "; }

    const Results& results_;
    std::string data_, lines_;
    std::size_t count_ = 0;
};

// Bars at the same x would hide each other: each server's are a little beside it, by this factor.
double beside(const Results& results, const std::string& server, double most) {
    const auto servers = static_cast<double>(results.options.servers.size());
    if (servers < 2) return 1;
    const auto place = static_cast<double>(place_of(results, server));
    return std::pow(most, 2 * place / (servers - 1) - 1);
}

std::string bar_at(double x, const Summary& summary) {
    std::ostringstream line;
    line << x << ' ' << summary.median << ' ' << summary.min << ' ' << summary.max << '\n';
    return line.str();
}

// Of one server in one quantity; an invalid cell leaves a gap.
std::string points_of(const Results& results, const std::string& server, std::size_t size,
                      const Quantity& quantity, Span& span) {
    std::string points;
    for (const CellRounds* each : results.by_connections(server, size)) {
        const CellRounds& cell = *each;
        const auto summary =
            results.why_invalid(cell).empty() ? summary_of(cell, quantity) : std::nullopt;
        if (!summary) {
            if (!points.empty()) points += "\n";
            continue;
        }
        span.add(summary->min);
        span.add(summary->max);
        const auto connections = static_cast<double>(cell.cell.connections);
        points += bar_at(connections * beside(results, server, 1.07), *summary);
    }
    return points;
}

// Ticks are the numbers that were measured, where there is room for them.
std::string connections_axis(const std::vector<std::size_t>& connections) {
    const auto [low, high] = std::minmax_element(connections.begin(), connections.end());
    const double ends = std::pow(static_cast<double>(*high) / static_cast<double>(*low), 0.04);
    const double closest = std::pow(ends, 2.5);
    std::vector<std::size_t> sorted = connections;
    std::sort(sorted.begin(), sorted.end());
    std::ostringstream script;
    script << "set logscale x\nset xlabel 'connections' offset 0,0.5\nset xrange ["
           << static_cast<double>(*low) / ends / 1.07 << ':'
           << static_cast<double>(*high) * ends * 1.07 << "]\nset xtics (";
    double last = 0;
    for (const std::size_t each : sorted) {
        const auto at = static_cast<double>(each);
        if (last > 0 && at / last < closest) continue;
        script << (last > 0 ? "," : "") << '\'' << grouped(at) << "' " << each;
        last = at;
    }
    script << ")\n";
    return script.str();
}

std::string id_of(const Quantity& quantity, const Cell& load) {
    return std::string(quantity.name) + "-" + std::to_string(load.size);
}

Plot lines_over_connections(const Results& results, std::size_t size, const Quantity& quantity) {
    Plot plot{id_of(quantity, {"", size, 0}), quantity.title, {}, {}, 0};
    Lines lines(results);
    Span span;
    for (const std::string& server : results.options.servers) {
        const std::string points = points_of(results, server, size, quantity, span);
        if (!points.empty()) lines.add(server, points, points);
    }
    if (lines.count() == 0) return plot;
    plot.height = height_with_key(lines.count());
    plot.script =
        lines.script(connections_axis(results.options.connections) + log_axis('y', span, quantity));
    return plot;
}

// 1 / (1 - q) over the latency, to the slowest; twenty points for each nine.
std::string percentiles_of(const Histogram& latency, Span& span) {
    std::ostringstream points;
    const auto count = static_cast<double>(latency.count());
    const double step = std::pow(10, 1.0 / 20);
    for (double x = 1;; x *= step) {
        const bool last = x >= count;
        const double share = last ? 1 : 1 - 1 / x;
        const double seconds = static_cast<double>(latency.percentile(share * 100)) / 1e9;
        span.add(seconds);
        if (seconds > 0) points << (last ? count : x) << ' ' << seconds << '\n';
        if (last) return points.str();
    }
}

// Where the rounds tell how far they lie apart.
std::string spreads_of(const Results& results, const CellRounds& cell, Span& span) {
    struct At {
        const Metric* metric;
        double x;
    };
    std::string bars;
    for (const At& at : {At{&kP50, 2}, At{&kP99, 100}, At{&kP999, 1000}}) {
        const auto summary = summarize(cell, *at.metric);
        const bool counted = at.x <= static_cast<double>(cell.latency.count());
        if (!counted || !summary || summary->count < 2 || summary->min <= 0) continue;
        span.add(summary->min);
        span.add(summary->max);
        bars += bar_at(at.x * beside(results, cell.cell.server, 1.12), *summary);
    }
    return bars;
}

std::string percentile_axis(double most) {
    std::string script =
        "set logscale x\nset xlabel 'percentile' offset 0,0.5\nset xtics ('50%%' 2";
    std::size_t nines = 1;
    for (double x = 10; x <= most; x *= 10, ++nines) {
        const std::string percent = nines == 1   ? "90"
                                    : nines == 2 ? "99"
                                                 : "99." + std::string(nines - 2, '9');
        script += ", '" + percent + "%%' " + fixed(x, 0);
    }
    return script + ")\nset xrange [1:" + fixed(most * 1.1, 0) + "]\n";
}

}  // namespace

std::vector<Plot> plots_over_connections(const Results& results, std::size_t size) {
    const auto& connections = results.options.connections;
    std::vector<Plot> plots;
    for (const Quantity& quantity : quantities()) {
        if (connections.size() > 1)
            plots.push_back(lines_over_connections(results, size, quantity));
        else if (quantity.metric != &kCpu)
            plots.push_back(bars_of(results, {"", size, connections.front()}, quantity));
    }
    return plots;
}

Plot plot_latency(const Results& results, const Cell& load) {
    static const Quantity kLatency{
        "latency", "Latency, by percentile", "latency", &kP50, false, "%.0s %cs", seconds_text};
    Plot plot{
        "latency-" + std::to_string(load.size) + "-" + std::to_string(load.connections),
        kLatency.title,
        "All rounds together; the bars reach from the lowest round to the highest, at 50%, 99% "
        "and 99.9%.",
        {},
        0};
    Lines lines(results);
    Span span;
    double most = 10;  // values, so that there are at least two ticks
    for (const CellRounds* cell : results.valid_under(load)) {
        if (cell->latency.count() == 0 || cell->latency.max() == 0) continue;
        const std::string points = percentiles_of(cell->latency, span);
        most = std::max(most, static_cast<double>(cell->latency.count()));
        lines.add(cell->cell.server, points, spreads_of(results, *cell, span), " pi 10");
    }
    if (lines.count() == 0) return plot;
    plot.height = height_with_key(lines.count());
    plot.script = lines.script(percentile_axis(most) + log_axis('y', span, kLatency));
    return plot;
}

}  // namespace switchboard::bench
