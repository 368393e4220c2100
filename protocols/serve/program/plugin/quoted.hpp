// Words of commands that are printed.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace switchboard::program {

// Returns what a POSIX shell reads as `word`.
inline std::string quoted_for_shell(const std::string& word) {
    const auto plain = [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("_-./=:,").find(char(c)) != std::string::npos;
    };
    if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
    std::string text = "'";
    for (const char each : word) text += each == '\'' ? std::string("'\\''") : std::string(1, each);
    return text + "'";
}

}  // namespace switchboard::program
