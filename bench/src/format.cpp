#include "format.hpp"

#include <cmath>
#include <cstdio>
#include <cstring>

namespace switchboard::bench {
namespace {

// Three significant digits of a value in [0, 1000).
std::string three_digits(double value) {
    if (value >= 99.95) return fixed(value, 0);
    return fixed(value, value >= 9.995 ? 1 : 2);
}

}  // namespace

std::string fixed(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    const bool is_zero = std::strspn(text, "-0.") == std::strlen(text);
    return text + (is_zero && text[0] == '-' ? 1 : 0);  // no "-0.00"
}

std::string grouped(double value) {
    std::string digits = fixed(value, 0);
    for (auto at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
        digits.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return digits;
}

std::string seconds_text(double seconds) {
    if (seconds < 999.5e-6) return three_digits(seconds * 1e6) + " us";
    if (seconds < 999.5e-3) return three_digits(seconds * 1e3) + " ms";
    return three_digits(seconds) + " s";
}

std::string bytes_text(double bytes) {
    constexpr double kKiB = 1024;
    if (bytes < kKiB * kKiB) return fixed(bytes / kKiB, 0) + " KiB";
    if (bytes < kKiB * kKiB * kKiB) return fixed(bytes / (kKiB * kKiB), 1) + " MiB";
    return fixed(bytes / (kKiB * kKiB * kKiB), 1) + " GiB";
}

std::string percent_text(const Summary& summary) {
    if (summary.count < 2) return {};
    const double share = summary.median > 0 ? summary.mad / summary.median * 100 : 0;
    return " \u00b1" + fixed(share, share < 9.95 ? 1 : 0) + "%";
}

}  // namespace switchboard::bench
