// Errors of C++ as errors of the C interface, and back, on the side of the plugin.
#pragma once

#include <switchboard/plugin.h>
#include <cstddef>
#include <exception>
#include <system_error>

namespace switchboard::plugin {

// A category that the interface has no number for gets one of SB_OWN to SB_OWN + 15 when it is first used.
sb_error to_c(std::error_code error) noexcept;
std::error_code from_c(sb_error error) noexcept;
// Writes the text of an error of the plugin's own; see sb_plugin.
void describe_error(sb_error error, char* out, std::size_t size) noexcept;
// Call it in a catch block: calls `tell` with the text of the exception.
template <class Tell>
[[gnu::cold]] void tell_exception(const Tell& tell) noexcept {
    try {
        throw;
    } catch (const std::exception& thrown) {
        tell(thrown.what());
    } catch (...) {
        tell("unknown exception");
    }
}
// Writes a text and a zero byte to out[0..size), cut if it is too long.
void copy_text(const char* text, char* out, std::size_t size) noexcept;

}  // namespace switchboard::plugin
