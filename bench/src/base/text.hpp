// Formats numbers and tables for people.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/statistics.hpp"

namespace switchboard::bench {

inline constexpr const char* kNothing = "-";  // there is no figure: nothing was served

std::string grouped(double value);  // 101,234
// "1 connection", "10,000 connections": `what` is the singular.
std::string count_text(std::uint64_t count, std::string_view what);
std::string fixed(double value, int decimals);  // 9.31
std::string significant(double value);          // three digits: 0.0123, 9.31, 101
std::string rate_text(double per_second);       // at least three digits: 0.500, 9.31, 101,234
std::string per_second_text(double rate);       // the same, followed by /s
std::string seconds_text(double seconds);       // 982 us, 1.38 ms, 2.10 s: three digits
std::string bytes_text(double bytes);           // 312 B, 1.43 MiB
// " +-1.2%" with a real plus-minus sign: the MAD relative to the median. Empty for one round.
std::string percent_text(const Summary& summary);

// Joins the texts that `text` makes from the elements of `range`, and skips empty ones.
template <class Range, class Text = std::identity>
std::string joined(const Range& range, std::string_view separator, Text text = {}) {
    std::string all;
    for (const auto& each : range) {
        const std::string one(std::invoke(text, each));
        if (!one.empty()) all.append(all.empty() ? "" : separator).append(one);
    }
    return all;
}

using Row = std::vector<std::string>;
struct Table {
    std::string title = {};
    Row header = {};
    std::vector<Row> rows = {};           // each as long as the header
    std::vector<std::string> notes = {};  // below it, one per line
};

// An empty line, the title, and the columns: the first, a name, is aligned left, figures are aligned right.
// UTF-8; each character counts as one column.
std::string to_text(const Table& table);
// One line of a table whose rows are printed as they arrive. Columns have at least these widths.
std::string line_of(const Row& row, const std::vector<std::size_t>& widths);

}  // namespace switchboard::bench
