#include "base/text.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace switchboard::bench {

std::string fixed(double value, int decimals) {
    const std::string text = fmt::format("{:.{}f}", value, decimals);
    const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
    return is_zero && text[0] == '-' ? text.substr(1) : text;  // no "-0.00"
}

std::string grouped(double value) {
    std::string digits = fixed(value, 0);
    for (auto at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return digits;
}

std::string count_text(std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", grouped(static_cast<double>(count)), what, count == 1 ? "" : "s");
}

std::string significant(double value) {
    const double size = std::abs(value);
    if (!(size > 0) || !std::isfinite(value)) return fixed(value, 0);
    const double digits = std::floor(std::log10(size));  // before the point, minus one
    const int decimals = static_cast<int>(std::clamp(2 - digits, 0.0, 12.0));
    const std::string text = fixed(value, decimals);
    // 9.996 becomes 10.0, not 10.00.
    const bool is_carried =
        std::abs(std::strtod(text.c_str(), nullptr)) >= std::pow(10, digits + 1);
    return is_carried && decimals > 0 ? fixed(value, decimals - 1) : text;
}

std::string rate_text(double per_second) {
    return per_second < 999.5 ? significant(per_second) : grouped(per_second);
}

std::string per_second_text(double rate) {
    return rate_text(rate) + "/s";
}

std::string seconds_text(double seconds) {
    if (seconds < 999.5e-9 && seconds > 0) return significant(seconds * 1e9) + " ns";
    if (seconds < 999.5e-6) return significant(seconds * 1e6) + " us";
    if (seconds < 999.5e-3) return significant(seconds * 1e3) + " ms";
    return rate_text(seconds) + " s";
}

std::string bytes_text(double bytes) {
    constexpr double kKiB = 1024;
    constexpr double kMost = 999.5;
    if (bytes < kMost) return fixed(bytes, 0) + " B";
    if (bytes < kMost * kKiB) return significant(bytes / kKiB) + " KiB";
    if (bytes < kMost * kKiB * kKiB) return significant(bytes / (kKiB * kKiB)) + " MiB";
    return significant(bytes / (kKiB * kKiB * kKiB)) + " GiB";
}

std::string percent_text(const Summary& summary) {
    if (summary.count < 2) return {};
    const double share = summary.median > 0 ? summary.mad / summary.median * 100 : 0;
    return " \u00b1" + fixed(share, share < 9.95 ? 1 : 0) + "%";
}

namespace {

// Counts columns, not bytes: a character beyond ASCII is one column.
std::size_t columns(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) >> 6) != 2;
    }));
}

std::vector<std::size_t> widths_of(const Table& table) {
    std::vector<std::size_t> widths;
    for (const std::string& cell : table.header) widths.push_back(columns(cell));
    for (const Row& row : table.rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], columns(row[i]));
    }
    return widths;
}

std::string padding(const std::string& cell, std::size_t width) {
    return std::string(width - std::min(width, columns(cell)), ' ');
}

}  // namespace

// The first column, a name, is aligned left; figures are aligned right.
std::string line_of(const Row& row, const std::vector<std::size_t>& widths) {
    std::string line = "  " + row[0] + padding(row[0], widths[0]);
    for (std::size_t i = 1; i < row.size(); ++i) line += "  " + padding(row[i], widths[i]) + row[i];
    return line + "\n";
}

std::string to_text(const Table& table) {
    const auto widths = widths_of(table);
    std::string text = "\n" + table.title + "\n" + line_of(table.header, widths);
    for (const Row& row : table.rows) text += line_of(row, widths);
    for (const std::string& note : table.notes) text += "  " + note + "\n";
    return text;
}

}  // namespace switchboard::bench
