#include "plot_bars.hpp"

#include <algorithm>
#include <sstream>

namespace switchboard::bench {
namespace {

// The part of a bar that is drawn full, in [0, 1]; the rest is pale. Nullopt: none is told from the
// other, and the bar has no filling.
using Part = std::optional<double> (*)(const CellRounds&);

// Columns: place, full part, median, lowest, highest, colour, text.
class Bars {
public:
    Bars(const Results& results, const Quantity& quantity, Part part)
        : results_(results), quantity_(quantity), part_(part) {}

    void add(const CellRounds& cell) {
        const auto summary = summary_of(cell, quantity_);
        if (!summary) return;
        const auto part = part_(cell);
        const std::string& server = cell.cell.server;
        rows_ << count_ << ' ' << (part ? std::to_string(*part) : "NaN") << ' ' << summary->median
              << ' ' << summary->min << ' ' << summary->max << " 0x"
              << colour_of(place_of(results_, server)).substr(1) << " \""
              << quantity_.text(summary->median) << "\"\n";
        names_ += (count_ > 0 ? ", " : "") + quoted(server) + " " + std::to_string(count_);
        most_ = std::max(most_, summary->max);
        ++count_;
    }
    int count() const { return count_; }

    // The figure stands in numbers beside each bar, so that its axis needs none.
    std::string script(const std::string& key, const std::string& more_lines) const {
        std::ostringstream script;
        script << "$b << EOD\n"
               << rows_.str() << "EOD\nset border 2\nset tics nomirror\nunset xtics\n"
               << key << "set ytics scale 0 (" << names_ << ")\nset yrange [" << count_ - 0.4
               << ":-0.6]\nset xrange [0:" << most_ * 1.3 << "]\nset xlabel "
               << quoted(std::string(quantity_.label) + ", from 0") << "\nplot "
               << box("0", "$2*$3", "fs solid 0.8 noborder") << ", "
               << box("$2*$3", "$3", "fs solid 0.35 noborder")
               << ", $b using 4:1:($5-$4):(0) with vectors " << kSpread
               << " lc rgb '#222222' notitle"
               << ", $b using 5:1:7 with labels left offset 0.8,0 notitle" << more_lines << "\n";
        return script.str();
    }

private:
    static std::string box(const std::string& from, const std::string& to,
                           const std::string& style) {
        return "$b using (" + to + "):1:(" + from + "):(" + to +
               "):($1-0.36):($1+0.36):6 with boxxyerror " + style + " lc rgb variable notitle";
    }

    const Results& results_;
    const Quantity& quantity_;
    Part part_;
    std::ostringstream rows_;
    std::string names_;
    double most_ = 0;
    int count_ = 0;
};

Plot plot_with(const Results& results, const Cell& load, const Quantity& quantity, Part part,
               const std::string& key, const std::string& more_lines) {
    Plot plot{std::string(quantity.name) + "-" + std::to_string(load.size) + "-" +
                  std::to_string(load.connections),
              quantity.title,
              {},
              {},
              0};
    Bars bars(results, quantity, part);
    for (const CellRounds* cell : results.valid_under(load)) bars.add(*cell);
    if (bars.count() == 0) return plot;
    plot.height = 80 + 24 * bars.count();
    plot.script = bars.script(key, more_lines);
    return plot;
}

}  // namespace

Plot bars_of(const Results& results, const Cell& load, const Quantity& quantity) {
    const auto whole = [](const CellRounds&) -> std::optional<double> { return 1; };
    return plot_with(results, load, quantity, whole, "unset key\n", "");
}

Plot plot_cpu(const Results& results, const Cell& load) {
    const auto& all = quantities();
    const auto cpu = std::find_if(
        all.begin(), all.end(), [](const Quantity& quantity) { return quantity.metric == &kCpu; });
    const char* of_key =
        ", NaN with boxes fs solid 0.8 noborder lc rgb '#444444' title 'user'"
        ", NaN with boxes fs solid 0.35 noborder lc rgb '#444444' title 'system'";
    Plot plot = plot_with(results, load, *cpu, user_share,
                          "set key outside center top horizontal Left reverse\n", of_key);
    plot.height += plot.height > 0 ? 24 : 0;
    return plot;
}

}  // namespace switchboard::bench
