#include "slo.hpp"

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace switchboard::bench {
namespace {

std::optional<double> percent_of(std::string_view name) {
    if (name == "max") return 100;
    double percent = 0;
    if (!name.starts_with("p")) return std::nullopt;
    const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), percent,
                                              std::chars_format::fixed);
    const bool whole = error == std::errc() && end == name.data() + name.size();
    return whole && percent > 0 && percent < 100 ? std::optional(percent) : std::nullopt;
}

// In seconds. Finer than Limits count: a reply takes less than a millisecond.
std::optional<double> time_of(std::string_view text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] =
        std::from_chars(text.data(), end, value, std::chars_format::fixed);
    const std::string_view unit(stopped, static_cast<std::size_t>(end - stopped));
    if (error != std::errc() || !std::isfinite(value) || value <= 0) return std::nullopt;
    if (unit == "us") return value * 1e-6;
    if (unit == "ms") return value * 1e-3;
    return unit == "s" ? std::optional(value) : std::nullopt;
}

}  // namespace

Result<Slo> parse_slo(const std::string& text) {
    const auto sign = text.find('<');
    const auto percent = percent_of(std::string_view(text).substr(0, sign));
    if (sign == std::string::npos || !percent)
        return fail(errc::bad_option, "'" + text + "': as p99<2ms, or max<10ms");
    const auto time = time_of(std::string_view(text).substr(sign + 1));
    if (!time) return fail(errc::bad_option, "'" + text + "': a time in us, ms or s, above 0");
    return Slo{*percent, *time, text};
}

}  // namespace switchboard::bench
