// The client's half of the handshake (RFC 6455, 4.1): the head of the server's answer and its check.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine.hpp"
#include "fields.hpp"

namespace switchboard::websocket::detail {

inline constexpr std::size_t kMaxAnswerHead = 16 * 1024;

// Views of the bytes that were read.
struct AnswerHead {
    unsigned status = 0;
    std::vector<Field> fields = {};
    std::size_t size = 0;  // 0: it is not whole yet
};

// Reads the head at the front of `in`. Returns false if it is not one of HTTP/1.1, or is longer than
// kMaxAnswerHead.
[[nodiscard]] bool parse_answer(std::string_view in, AnswerHead& head);

// Checks an answer of status 101 to a request with that key. Returns null and sets `opening`, or returns what
// is wrong.
[[nodiscard]] const char* check_answer(const AnswerHead& head, std::string_view key,
                                       const Options& options, Opening& opening);

}  // namespace switchboard::websocket::detail
