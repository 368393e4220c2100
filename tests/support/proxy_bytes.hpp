// Bytes of PROXY protocol headers (version 2), written according to the specification and not by the encoder.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

namespace switchboard::test {

inline std::string bytes_of(std::initializer_list<int> values) {
    std::string bytes;
    for (const int value : values) bytes += static_cast<char>(value);
    return bytes;
}

inline std::string size_bytes(std::size_t size) {
    return bytes_of({static_cast<int>(size >> 8), static_cast<int>(size & 0xff)});
}

inline const std::string kProxySignature("\r\n\r\n\0\r\nQUIT\n", 12);

// `rest` follows the first 16 bytes. The header claims the length `claimed`, if given, instead of that of
// `rest`.
inline std::string binary_header(int command, int family, const std::string& rest,
                                 int claimed = -1) {
    const std::size_t length = claimed < 0 ? rest.size() : static_cast<std::size_t>(claimed);
    return kProxySignature + bytes_of({command, family}) + size_bytes(length) + rest;
}

inline std::string tlv_bytes(int type, const std::string& value) {
    return bytes_of({type}) + size_bytes(value.size()) + value;
}

// 192.0.2.1:12345 to 198.51.100.2:443.
inline const std::string kIpv4Block =
    bytes_of({192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb});
// [2001:db8::1]:12345 to [2001:db8::2]:443.
inline const std::string kIpv6Block =
    bytes_of({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) +
    bytes_of({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}) +
    bytes_of({0x30, 0x39, 0x01, 0xbb});

inline std::string tcp4_header(const std::string& tlvs) {
    return binary_header(0x21, 0x11, kIpv4Block + tlvs);
}

inline std::string unix_field(std::string path) {
    path.resize(108);
    return path;
}

// Computes the CRC32C bit by bit, as RFC 4960, appendix B, defines it.
inline std::string crc32c_bytes(const std::string& bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const char c : bytes) {
        crc ^= static_cast<std::uint8_t>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    crc = ~crc;
    return size_bytes(crc >> 16) + size_bytes(crc & 0xffff);
}

// Returns a header with a CRC32C between the other entries `before` and `behind`.
inline std::string summed_header(const std::string& before, const std::string& behind) {
    std::string header = tcp4_header(before + tlv_bytes(0x03, std::string(4, '\0')) + behind);
    const std::size_t at = header.size() - behind.size() - 4;
    return header.replace(at, 4, crc32c_bytes(header));
}

}  // namespace switchboard::test
