// Texts that come from a plugin.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace switchboard::plugin_host {

// One line of at most 500 bytes, without control characters; null is an empty text.
std::string one_line(const char* text);
// "0.2"
std::string abi_text(unsigned version);
// Whether it has 1 to 64 characters, all of a-z, 0-9, '-' and '_'.
bool is_name(const std::string& text) noexcept;
// Writes a text and a zero byte to out[0..size), cut if it is too long. Returns its whole length.
std::size_t copy_text(std::string_view text, char* out, std::size_t size) noexcept;
// What a callback that fails writes its reason to.
using Reason = std::array<char, 512>;

}  // namespace switchboard::plugin_host
