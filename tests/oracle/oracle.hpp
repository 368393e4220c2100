// llhttp, the parser of Node.js, as a second opinion on every message that our parsers accept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace switchboard::oracle {

enum class Input : std::uint8_t { reply_to_head, reply_to_connect, reply, requests };

// Reads `in` with our parser. llhttp, in its strict mode, must accept each message in it, or the part of it
// that has come, with the same method, target or status, fields, body and trailers, and must see its end at
// the same byte. Returns how it differs, or an empty text. What we refuse is not compared. oracle.cpp lists
// the known differences.
std::string difference(Input kind, std::string_view in);

}  // namespace switchboard::oracle
