// The message that the old process of a takeover sends to the new one. This file needs no sockets.
//
//     switchboard-takeover 1 3\n     the number of descriptors, which come with the first byte
//     \n                             the name of each; the first is the socket at the path, without a name
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

inline constexpr std::size_t kMostSockets = 250;  // in addition to the one at the path
inline constexpr std::size_t kMostName = 4'000;   // bytes

// At most kMostName bytes, and no control characters.
bool is_socket_name(std::string_view name) noexcept;

// Returns the message. `names` does not include the socket at the path; each must be a valid socket name.
std::string make_takeover(std::span<const std::string> names);

// Returns the names in `text`, one for each of the `descriptors`, including the socket at the path. Returns
// nothing while the message is incomplete. Errors: errc::malformed_message as soon as `text` cannot become a
// valid message; the error says what is wrong.
Result<std::optional<std::vector<std::string>>> parse_takeover(std::string_view text,
                                                               std::size_t descriptors);

}  // namespace switchboard::detail
