// What the plots have in common: quantities, the look of a server, axes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plot.hpp"

namespace switchboard::bench {

// What is drawn of a cell, in seconds, bytes or exchanges per second.
struct Quantity {
    const char* name;  // in ids
    const char* title;
    const char* label;            // of its axis
    const Metric* metric;         // what it is made of
    bool per_connection;          // the metric is divided by all connections that there are
    const char* format;           // of its ticks; null: those are powers of two, as `text` has them
    std::string (*text)(double);  // a value with its unit
};
const std::vector<Quantity>& quantities();  // throughput, p99, CPU per exchange, memory

// Over the rounds; nullopt where there is none, or it is zero and has no place on a logarithmic axis.
std::optional<Summary> summary_of(const CellRounds& cell, const Quantity& quantity);

// The look of a server is the same in all plots: its place among the options' servers.
std::size_t place_of(const Results& results, const std::string& server);
std::string colour_of(std::size_t place);      // "#0072b2"
std::string line_style_of(std::size_t place);  // colour, dashes and point, for `plot`

// Lowest and highest of what an axis has to hold.
struct Span {
    double low = 0, high = 0;
    void add(double value);
    bool empty() const { return high <= 0; }
};

// A logarithmic axis ('x' or 'y') that ends at ticks.
std::string log_axis(char axis, const Span& span, const Quantity& quantity);

// Of a plot with lines and the names of `servers` in two columns below. gnuplot takes names to be wider than
// they are: without the smaller width the longest would leave room for one column, and none for the plot.
int height_with_key(std::size_t servers);
inline constexpr const char* kKeyBelow =
    "set key outside center bottom horizontal maxcols 2 samplen 2 width -6 font ',13' Left "
    "reverse\n";
inline constexpr const char* kGrid = "set grid lc rgb '#d8d8d8'\nset border 3\nset tics nomirror\n";
// From the lowest round to the highest, with an end at both.
inline constexpr const char* kSpread = "heads size screen 0.006,90 fixed lw 1.2";

}  // namespace switchboard::bench
