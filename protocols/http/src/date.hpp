// Dates of HTTP (RFC 9110, section 5.6.7).
#pragma once

#include <chrono>
#include <string_view>

namespace switchboard::http::detail {

// Returns "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n". The text is valid until this thread calls one of these
// functions again. It is made once a second, because making it costs more than the rest of a short answer.
// strftime(3) is not used, because its names depend on the locale.
std::string_view date_line(std::chrono::system_clock::time_point time);

// The same, behind the status line of an answer 200.
std::string_view ok_and_date_lines(std::chrono::system_clock::time_point time);

}  // namespace switchboard::http::detail
