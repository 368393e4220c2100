#include "base/parse.hpp"

#include <charconv>
#include <cmath>

#include "base/find.hpp"

namespace switchboard::bench {
namespace {

constexpr double kMostRate = 10e6;
constexpr double kMostSteps = 1'000;

tl::unexpected<Error> no_rate(const std::string& text, const char* why) {
    return bad_option("invalid rate '{}': {}", text, why);
}

}  // namespace

std::string words_of(const Error& error) {
    const bool says_all = error == errc::bad_option || error == errc::unsupported;
    return says_all ? error.context() : error.message();
}

std::optional<double> parse_quantity(std::string_view text, const Units& units) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] =
        std::from_chars(text.data(), end, value, std::chars_format::fixed);
    const std::string_view behind(stopped, static_cast<std::size_t>(end - stopped));
    const auto* const unit = find_by(units, behind, &Units::value_type::first);
    if (error != std::errc() || !std::isfinite(value) || unit == nullptr) return std::nullopt;
    return value * unit->second;
}

Result<double> parse_rate(const std::string& text) {
    const auto value = parse_quantity(text, {{"", 1}, {"k", 1e3}, {"M", 1e6}});
    if (!value) return no_rate(text, "not a number with an optional k or M");
    if (*value > 0 && *value <= kMostRate) return *value;
    return no_rate(text, "must be above 0 and at most 10M");
}

Result<std::vector<double>> parse_rates(const std::string& text) {
    const auto dots = text.find("..");
    if (dots == std::string::npos)
        return parse_rate(text).map([](double rate) { return std::vector<double>{rate}; });
    const auto colon = text.find(':', dots);
    if (colon == std::string::npos) return no_rate(text, "a range is FROM..TO:STEP");
    std::vector<double> parts;
    for (const auto& part :
         {text.substr(0, dots), text.substr(dots + 2, colon - dots - 2), text.substr(colon + 1)}) {
        const auto rate = parse_rate(part);
        if (!rate) return tl::unexpected(rate.error());
        parts.push_back(*rate);
    }
    const double from = parts[0], to = parts[1], step = parts[2];
    const double steps = std::floor((to - from) / step + 1e-9);
    if (steps < 0) return no_rate(text, "the range is empty");
    if (steps >= kMostSteps) return no_rate(text, "a range has at most 1,000 steps");
    std::vector<double> rates;
    for (int i = 0; i <= static_cast<int>(steps); ++i) rates.push_back(from + i * step);
    return rates;
}

Result<std::vector<std::string>> split_list(const std::string& text) {
    std::vector<std::string> pieces;
    std::size_t from = 0;
    for (std::size_t comma = 0; comma != std::string::npos; from = comma + 1) {
        comma = text.find(',', from);
        pieces.push_back(text.substr(from, comma - from));
        if (pieces.back().empty()) return bad_option("'{}' has an empty item", text);
    }
    return pieces;
}

Result<std::size_t> parse_count(const std::string& text) {
    std::size_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && stopped == end) return value;
    return bad_option("invalid count '{}'", text);
}

Result<void> check_range(const char* option, std::size_t count, std::size_t least,
                         std::size_t most) {
    if (count >= least && count <= most) return {};
    return bad_option("{} {}: must be {} to {}", option, count, least, most);
}

Result<void> check_duration(std::chrono::milliseconds duration) {
    if (duration >= std::chrono::milliseconds(50)) return {};
    return bad_option("--duration {}ms: must be at least 50ms", duration.count());
}

Result<std::chrono::microseconds> parse_work(const std::string& text) {
    if (!text.ends_with("us"))
        return parse_duration(text).map([](auto time) { return std::chrono::microseconds(time); });
    return parse_count(text.substr(0, text.size() - 2)).map([](std::size_t count) {
        return std::chrono::microseconds(count);
    });
}

Result<double> parse_percent(const std::string& text) {
    const auto value = parse_quantity(text, {{"%", 0.01}});
    if (value && *value >= 0) return *value;
    return bad_option("invalid percentage '{}'", text);
}

}  // namespace switchboard::bench
