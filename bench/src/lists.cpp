#include "lists.hpp"

#include <cmath>

namespace switchboard::bench {

Result<std::vector<std::string>> split_list(const std::string& text) {
    std::vector<std::string> pieces;
    std::size_t from = 0;
    for (std::size_t comma = 0; comma != std::string::npos; from = comma + 1) {
        comma = text.find(',', from);
        pieces.push_back(text.substr(from, comma - from));
        if (pieces.back().empty())
            return fail(errc::bad_option, "'" + text + "' has an empty item");
    }
    return pieces;
}

Result<std::size_t> parse_count(const std::string& text) {
    std::size_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && stopped == end) return value;
    return fail(errc::bad_option, "'" + text + "' is no count");
}

Result<void> check_range(const char* option, std::size_t count, std::size_t least,
                         std::size_t most) {
    if (count >= least && count <= most) return {};
    return fail(errc::bad_option, std::string(option) + " " + std::to_string(count) + ": " +
                                      std::to_string(least) + " to " + std::to_string(most));
}

Result<void> check_duration(std::chrono::milliseconds duration) {
    if (duration >= std::chrono::milliseconds(50)) return {};
    return fail(errc::bad_option,
                "--duration " + std::to_string(duration.count()) + "ms: at least 50ms");
}

Result<std::chrono::microseconds> parse_work(const std::string& text) {
    if (!text.ends_with("us"))
        return parse_duration(text).map([](auto time) { return std::chrono::microseconds(time); });
    return parse_count(text.substr(0, text.size() - 2)).map([](std::size_t count) {
        return std::chrono::microseconds(count);
    });
}

Result<double> parse_percent(const std::string& text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] =
        std::from_chars(text.data(), end, value, std::chars_format::fixed);
    if (error == std::errc() && end - stopped == 1 && *stopped == '%' && value >= 0 &&
        std::isfinite(value)) {
        return value / 100;
    }
    return fail(errc::bad_option, "'" + text + "' is no percentage");
}

}  // namespace switchboard::bench
