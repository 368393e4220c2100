// What the old process of a takeover says to the new one, without the sockets it says it over.
//
//     switchboard-takeover 1 3\n     how many descriptors come with the first byte
//     \n                             the name of each; the first is the socket at the path, of no name
//     tcp://127.0.0.1:7000\n
//     metrics tcp://127.0.0.1:9100\n
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard::detail {

inline constexpr std::size_t kMostSockets = 250;  // besides the one at the path
inline constexpr std::size_t kMostName = 4'000;   // bytes

// At most kMostName bytes, and no control characters.
bool is_socket_name(std::string_view name) noexcept;

// `names` without that of the socket at the path; each must be one.
std::string make_takeover(std::span<const std::string> names);

// The names that `text` gives to as many `descriptors`, the socket at the path included; none as long as
// more may follow. What can no longer become such a message is errc::malformed_message, and the error says
// what is wrong.
Result<std::optional<std::vector<std::string>>> parse_takeover(std::string_view text,
                                                               std::size_t descriptors);

}  // namespace switchboard::detail
