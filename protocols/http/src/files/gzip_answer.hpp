// Whether an answer is compressed, and what that changes in its fields.
#pragma once

#include <cstddef>
#include <switchboard/deflate.hpp>
#include <switchboard/http.hpp>

#include "head_text.hpp"

namespace switchboard::http::detail {

// Bodies of these sizes are compressed. A smaller one fits in a packet or two anyway, and a larger one would
// keep the thread for more than 20 ms.
inline constexpr std::size_t kLeastCompressed = 1024;
inline constexpr std::size_t kMostCompressed = 1024 * 1024;
// A fast level: level 6 takes half as much again, and saves a tenth.
inline constexpr DeflateOptions kAnswerDeflate{.level = 4};

// Returns whether the body is one to compress for clients that accept it, by its size, its status, and the
// fields that the handler has set. If so, adds Vary to the fields.
bool suits_gzip(unsigned status, std::size_t size, HeadText& fields);

// Adds Content-Encoding, and makes a strong ETag weak, because the bytes are others now.
void mark_as_gzip(HeadText& fields);

}  // namespace switchboard::http::detail
