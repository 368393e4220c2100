#include "table.hpp"

#include <algorithm>

namespace switchboard::bench {
namespace {

// Columns, not bytes: a character beyond ASCII is one column too.
std::size_t columns(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) >> 6) != 2;
    }));
}

std::vector<std::size_t> widths_of(const Table& table) {
    std::vector<std::size_t> widths;
    for (const std::string& cell : table.header) widths.push_back(columns(cell));
    for (const auto& row : table.rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], columns(row[i]));
    }
    return widths;
}

// The first column is a name and stands left, figures stand right.
std::string line_of(const std::vector<std::string>& row, const std::vector<std::size_t>& widths) {
    std::string line = "  " + row[0] + std::string(widths[0] - columns(row[0]), ' ');
    for (std::size_t i = 1; i < row.size(); ++i) {
        line += std::string(widths[i] - columns(row[i]) + 2, ' ') + row[i];
    }
    return line + "\n";
}

}  // namespace

std::string to_text(const Table& table) {
    const auto widths = widths_of(table);
    std::string text = "\n" + table.title + "\n" + line_of(table.header, widths);
    for (const auto& row : table.rows) text += line_of(row, widths);
    for (const std::string& note : table.notes) text += "  " + note + "\n";
    return text;
}

}  // namespace switchboard::bench
