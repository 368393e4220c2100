#include "lists.hpp"

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

}  // namespace switchboard::bench
