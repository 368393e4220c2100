// The data that the services send over both TCP and UDP.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <switchboard/inetd.hpp>

namespace switchboard::detail {

// RFC 864: a line of 72 characters for each of the 95 printable characters, together 7,030 bytes. After the
// last line the pattern starts again.
std::string_view chargen_pattern();

std::array<std::byte, 4> time_reply(WallTime when);  // RFC 868

}  // namespace switchboard::detail
