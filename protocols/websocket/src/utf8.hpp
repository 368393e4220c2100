// A validator of UTF-8 (RFC 3629) for text that comes in parts.
#pragma once

#include <cstdint>
#include <switchboard/bytes.hpp>

namespace switchboard::websocket::detail {

// Its state is three bytes. It fails at the first byte that cannot be part of valid UTF-8.
class Utf8 {
public:
    // Returns false if the text is wrong; the validator is then of no more use.
    [[nodiscard]] bool add(Bytes part) noexcept;
    bool is_whole() const noexcept { return wanted_ == 0; }  // no character is cut off

private:
    bool begin(std::uint8_t byte) noexcept;
    const std::uint8_t* finish(const std::uint8_t* at, const std::uint8_t* end) noexcept;

    std::uint8_t wanted_ = 0;  // bytes of the current character that are still to come
    std::uint8_t low_ = 0x80;  // the range of the next of them
    std::uint8_t high_ = 0xbf;
};

[[nodiscard]] inline bool is_utf8(Bytes text) noexcept {
    Utf8 validator;
    return validator.add(text) && validator.is_whole();
}

}  // namespace switchboard::websocket::detail
