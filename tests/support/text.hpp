// Text for tests.
#pragma once

#include <memory>
#include <string>
#include <switchboard/connection.hpp>
#include <vector>

namespace switchboard::test {

// Returns a text of numbers in which every piece is different.
inline std::string numbers(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
}

inline std::shared_ptr<const std::vector<std::byte>> shared_bytes(std::string_view text) {
    const Bytes bytes = as_bytes(text);
    return std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
}

// Returns the error's message, or "" without an error.
inline std::string complaint(const Result<void>& result) {
    return result ? "" : result.error().message();
}

}  // namespace switchboard::test
