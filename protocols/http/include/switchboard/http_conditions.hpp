// Conditional requests (RFC 9110, section 13), for handlers that send validators. Server::files() evaluates
// them by itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/http.hpp>

namespace switchboard::http {

// The present state of what a request asks for.
struct Validators {
    // With its quotes: "\"v1\"", or "W/\"v1\"" for a weak one, which says that two states are as good as the
    // same. Empty: there is none.
    std::string_view etag = {};
    // Counts in whole seconds, as in the field Last-Modified.
    std::optional<std::chrono::system_clock::time_point> last_modified = {};
    bool exists = true;  // false: there is nothing yet, for a PUT that creates it
};

enum class Condition : std::uint8_t {
    met,           // answer as without conditions; also if the request has none
    not_modified,  // the client has the present state: answer 304, with the same ETag
    failed,  // the state is not the one that the client expects: answer 412, and change nothing
};

// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since, in the order of section
// 13.2.2. A date that is malformed or repeated is ignored. Call it before the request has any effect, and not
// if the answer would be an error without conditions. Threading: thread-safe.
Condition evaluate_conditions(const Request& request, const Validators& current) noexcept;

// Returns "Sun, 06 Nov 1994 08:49:37 GMT", the value of Last-Modified for that time (section 5.6.7).
std::string format_date(std::chrono::system_clock::time_point time);

// Returns the time of a date in any of the three formats of section 5.6.7, or nullopt if it is malformed. A
// year of two digits is in 1970 to 2069.
std::optional<std::chrono::sys_seconds> parse_date(std::string_view text) noexcept;

}  // namespace switchboard::http
