#include "text.hpp"

#include <algorithm>

namespace switchboard::plugin_host {

std::string one_line(const char* text) {
    constexpr std::size_t kMost = 500;
    std::string line;
    for (; text && *text != '\0' && line.size() < kMost; ++text) {
        const auto byte = static_cast<unsigned char>(*text);
        line += byte < 0x20 || byte == 0x7f ? '?' : *text;
    }
    return line;
}

std::string abi_text(unsigned version) {
    return std::to_string(version >> 16) + "." + std::to_string(version & 0xffff);
}

std::size_t copy_text(std::string_view text, char* out, std::size_t size) noexcept {
    if (size > 0) out[text.copy(out, size - 1)] = '\0';
    return text.size();
}

bool is_name(const std::string& text) noexcept {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

}  // namespace switchboard::plugin_host
