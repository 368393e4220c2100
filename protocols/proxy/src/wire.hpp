// The layout of both versions, shared by the parser and the encoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <switchboard/bytes.hpp>

namespace switchboard::detail {

// Version 1 (2.1).
constexpr std::string_view kLineStart = "PROXY ";
constexpr std::size_t kMaxLine = 107;  // bytes, with the CRLF

// Version 2 (2.2): the signature, version and command, family and transport, the length of the rest.
constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kStartSize = 16;
constexpr std::size_t kMaxRest = 65'535;
constexpr std::size_t kUnixSize = 108;    // of one unix address
constexpr std::size_t kTlvStartSize = 3;  // a type, and the length of the value

enum Family : unsigned { kUnspecifiedFamily, kIpv4, kIpv6, kUnix };
enum Transport : unsigned { kUnspecifiedTransport, kStream, kDatagram };

// Bytes of the source and the destination with their ports.
constexpr std::size_t addresses_size(unsigned family) {
    switch (family) {
        case kIpv4: return std::size_t{2} * (4 + 2);
        case kIpv6: return std::size_t{2} * (16 + 2);
        case kUnix: return 2 * kUnixSize;
        default: return 0;
    }
}

// Numbers in network byte order, of Size bytes.
template <std::size_t Size>
constexpr std::uint32_t read_number(Bytes bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < Size; ++i)
        value = value << 8 | std::to_integer<std::uint8_t>(bytes[i]);
    return value;
}

template <std::size_t Size>
std::string number_bytes(std::size_t value) {
    std::string bytes(Size, '\0');
    for (std::size_t i = 0; i < Size; ++i)
        bytes[i] = static_cast<char>(value >> 8 * (Size - 1 - i));
    return bytes;
}

}  // namespace switchboard::detail
