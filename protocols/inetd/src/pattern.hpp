// What both forms of the services send.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <switchboard/inetd.hpp>

namespace switchboard::detail {

// RFC 864: a line of 72 for each of the 95 printing characters, 7,030 bytes; after the last the pattern
// is back where it began.
std::string_view chargen_pattern();

std::array<std::byte, 4> time_reply(WallTime when);  // RFC 868

}  // namespace switchboard::detail
