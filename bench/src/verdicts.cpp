#include "verdicts.hpp"

#include <algorithm>

namespace switchboard::bench {
namespace {

// Characters, not bytes: "±" is two of them in UTF-8.
std::size_t width_of(const std::string& text) {
    const auto is_start = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_start));
}

std::string padded(const std::string& text, std::size_t width) {
    return text + std::string(width - std::min(width, width_of(text)), ' ');
}

}  // namespace

void Verdicts::judge(const std::string& what, const std::string& figure, const std::string& bound,
                     bool holds) {
    rows_.push_back({what, figure, bound, holds ? "ok" : "BROKEN"});
    hold_ = hold_ && holds;
}

void Verdicts::at_most(const std::string& what, double figure, double bound, const Text& text,
                       const std::string& spread) {
    judge(what, text(figure) + spread, "at most " + text(bound), figure <= bound);
}

void Verdicts::at_least(const std::string& what, double figure, double bound, const Text& text,
                        const std::string& spread) {
    judge(what, text(figure) + spread, "at least " + text(bound), figure >= bound);
}

void Verdicts::equal(const std::string& what, double figure, double bound, const Text& text) {
    judge(what, text(figure), text(bound), figure == bound);
}

void Verdicts::note(const std::string& what, const std::string& figure) {
    rows_.push_back({what, figure, "", ""});
}

void Verdicts::broken(const std::string& what, const std::string& why) {
    judge(what, why, "", false);
}

std::string Verdicts::to_text() const {
    std::size_t first = 0, second = 0, third = 0;
    for (const Row& row : rows_) {
        first = std::max(first, width_of(row.what));
        third = std::max(third, width_of(row.bound));
        if (!row.bound.empty()) second = std::max(second, width_of(row.figure));
    }
    std::string text;
    for (const Row& row : rows_) {
        std::string line = padded(row.what, first + 2) + padded(row.figure, second + 2);
        if (!row.verdict.empty()) line += padded(row.bound, third + 2) + row.verdict;
        while (line.ends_with(' ')) line.pop_back();
        text += line + "\n";
    }
    return text + (hold_ ? "all bounds hold\n" : "a bound is broken\n");
}

}  // namespace switchboard::bench
