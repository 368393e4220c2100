// The table of what must be refused.
#pragma once

#include <cstddef>
#include <string_view>

namespace switchboard::test {

struct Rule {
    std::string_view input;
    int status;
    std::string_view anchor;
};

template <std::size_t Size>
constexpr std::string_view whole(const char (&text)[Size]) {
    return {text, Size - 1};
}

struct Row {
    template <std::size_t Size>
    constexpr Row(const char (&text)[Size], int expected, std::string_view from)
        : rule{whole(text), expected, from} {}
    Rule rule;
};

inline constexpr Row kRules[] = {
#include "rules_http.inc"
};

// Errors that concern one request alone, so that the connection goes on.
inline bool goes_on(int status) {
    return status == 404 || status == 405 || status == 501;
}

}  // namespace switchboard::test
