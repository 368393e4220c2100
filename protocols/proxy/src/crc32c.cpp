#include "crc32c.hpp"

#include <array>

namespace switchboard::detail {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // the Castagnoli polynomial, bits reversed

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kPolynomial : 0);
        table[byte] = crc;
    }
    return table;
}

constexpr auto kTable = make_table();

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t before) noexcept {
    std::uint32_t crc = ~before;
    for (const std::byte b : bytes)
        crc = crc >> 8 ^ kTable[(crc ^ std::to_integer<std::uint32_t>(b)) & 0xff];
    return ~crc;
}

}  // namespace switchboard::detail
