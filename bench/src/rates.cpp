#include "rates.hpp"

#include <charconv>
#include <cmath>

namespace switchboard::bench {
namespace {

constexpr double kMostRate = 10e6;
constexpr double kMostSteps = 1'000;

Error no_rate(const std::string& text, const std::string& why) {
    return Error(errc::bad_option, "'" + text + "' is no rate: " + why);
}

}  // namespace

Result<double> parse_rate(const std::string& text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] =
        std::from_chars(text.data(), end, value, std::chars_format::fixed);
    const std::string unit(stopped, end);
    if (error != std::errc() || (!unit.empty() && unit != "k" && unit != "M"))
        return tl::unexpected(no_rate(text, "a number, with k or M behind it"));
    if (unit == "k") value *= 1e3;
    if (unit == "M") value *= 1e6;
    if (value > 0 && value <= kMostRate) return value;
    return tl::unexpected(no_rate(text, "above 0 and up to 10M"));
}

Result<std::vector<double>> parse_rates(const std::string& text) {
    const auto dots = text.find("..");
    if (dots == std::string::npos)
        return parse_rate(text).map([](double rate) { return std::vector<double>{rate}; });
    const auto colon = text.find(':', dots);
    if (colon == std::string::npos) return tl::unexpected(no_rate(text, "steps are FROM..TO:STEP"));
    const auto from = parse_rate(text.substr(0, dots));
    if (!from) return tl::unexpected(from.error());
    const auto to = parse_rate(text.substr(dots + 2, colon - dots - 2));
    if (!to) return tl::unexpected(to.error());
    const auto step = parse_rate(text.substr(colon + 1));
    if (!step) return tl::unexpected(step.error());
    const double steps = std::floor((*to - *from) / *step + 1e-9);
    if (steps < 0) return tl::unexpected(no_rate(text, "it ends before it begins"));
    if (steps >= kMostSteps) return tl::unexpected(no_rate(text, "1,000 steps at most"));
    std::vector<double> rates;
    for (int i = 0; i <= static_cast<int>(steps); ++i) rates.push_back(*from + i * *step);
    return rates;
}

Result<Arrivals> parse_arrivals(const std::string& text) {
    if (text == "constant") return Arrivals::constant;
    if (text == "poisson") return Arrivals::poisson;
    return fail(errc::bad_option, "'" + text + "': constant or poisson");
}

}  // namespace switchboard::bench
