// Bytes and errors as text, in findings and in transcripts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace switchboard::testing {

// Returns the bytes with the escapes of transcript.hpp, in quotes; at most `most` bytes, then "...".
std::string quoted(std::string_view bytes, std::size_t most = 40);
// The reverse, without quotes. Returns what is wrong in `mistake` if it is not well-formed.
std::optional<std::string> unescaped(std::string_view text, std::string& mistake);

// Returns how `got` differs from `expected`: "reply differs at 8: expected ..., got ...", or an empty text.
std::string difference(std::string_view expected, std::string_view got);

// The error of that name in switchboard::errc or std::errc.
std::optional<std::error_condition> error_named(std::string_view name);
std::string error_names();  // all that error_named() knows, for messages
// The name with which a transcript expects the error, or its message if it has none.
std::string name_of(const std::error_code& error);
std::string name_of(const std::error_condition& error);

}  // namespace switchboard::testing
