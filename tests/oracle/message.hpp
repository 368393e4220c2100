// A message as a parser understood it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace switchboard::oracle {

struct Message {
    std::string method = {}, target = {};  // of a request
    unsigned status = 0;                   // of a reply
    bool http10 = false;
    std::vector<std::pair<std::string, std::string>> fields = {}, trailers = {};
    std::string body = {};

    friend bool operator==(const Message&, const Message&) = default;
};

// How a message ends.
enum class End : std::uint8_t { not_yet, here, with_connection };

// A message as our parser understood it, and what llhttp gets.
struct Accepted {
    Message message = {};
    std::string bytes = {};  // those that were used, but for the known differences
    End end = End::not_yet;
    bool has_body = true;  // false: the user of the parser knows that there is none
};

// Returns what llhttp makes of the bytes. `why` becomes the reason if it refuses them, or sees another end.
Message ask_llhttp(const Accepted& ours, std::string& why);

}  // namespace switchboard::oracle
