// Heads of frames (RFC 6455, 5.2), and the codes of Close frames (7.4).
#pragma once

#include <array>
#include <cstdint>
#include <switchboard/bytes.hpp>

#include "mask.hpp"

namespace switchboard::websocket::detail {

enum class Role : std::uint8_t { server, client };

enum class Opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10,
};

inline bool is_control(Opcode opcode) noexcept {
    return static_cast<unsigned>(opcode) >= 8;
}

inline constexpr std::size_t kMaxHead = 14;
inline constexpr std::size_t kMaxControl = 125;  // bytes of payload of a control frame

inline constexpr std::size_t kMaxShort = 125;  // the longest payload of a head of two bytes

struct FrameHead {
    Opcode opcode = Opcode::continuation;
    bool fin = false;
    bool compressed = false;  // RSV1
    Mask mask = 0;
    std::uint64_t length = 0;  // of the payload
    std::size_t size = 0;      // of the head; 0: it is not whole yet
};

// Reads the head at the front of `in`, which a peer of `role` has sent. A wrong byte is refused as soon as it
// comes. Returns null, or what is wrong, which is an error of code 1002. RSV1 is allowed on the first frame
// of a message if `deflate` was agreed.
[[nodiscard]] const char* parse_head(Bytes in, Role sender, bool deflate, FrameHead& head) noexcept;

// Reads the most common head: that of a short whole message, uncompressed, of a client. Returns false for any
// other, and for one that is not whole.
inline bool parse_short_head(Bytes in, FrameHead& head) noexcept {
    constexpr std::size_t size = 2 + sizeof(Mask);
    if (in.size() < size) return false;
    // The bits FIN and MASK must be set.
    const unsigned opcode = std::to_integer<unsigned>(in[0]) ^ 0x80U,
                   length = std::to_integer<unsigned>(in[1]) ^ 0x80U;
    if ((opcode != 1 && opcode != 2) || length > kMaxShort) return false;
    head.opcode = static_cast<Opcode>(opcode);
    head.fin = true;
    head.compressed = false;
    head.length = length;
    head.size = size;
    std::memcpy(&head.mask, in.data() + 2, sizeof(Mask));
    return true;
}

// Writes a head and returns its size. With a mask the frame is that of a client.
std::size_t encode_head(std::array<std::byte, kMaxHead>& to, const FrameHead& head,
                        bool masked) noexcept;

// Returns whether a Close frame may carry that code (7.4.1, 7.4.2 and the registry of IANA).
bool is_close_code(std::uint16_t code) noexcept;

}  // namespace switchboard::websocket::detail
