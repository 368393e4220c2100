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
