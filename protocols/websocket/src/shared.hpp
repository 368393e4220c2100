// What all connections with the same Settings share.
#pragma once

#include <switchboard/deflate.hpp>
#include <switchboard/websocket.hpp>

namespace switchboard::websocket::detail {

struct Shared {
    explicit Shared(const Options& given) : options(given), pool(given.deflate.stream) {}

    const Options options;
    mutable DeflatePool pool;  // locks by itself
};

inline bool is_token_character(char c) noexcept {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
}

inline bool is_token(std::string_view text) noexcept {
    for (const char c : text)
        if (!is_token_character(c)) return false;
    return !text.empty();
}

}  // namespace switchboard::websocket::detail
