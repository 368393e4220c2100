#include <zlib.h>
#include <algorithm>
#include <array>
#include <switchboard/gzip.hpp>

namespace switchboard {
namespace {

// The identification, deflate as the method, no flags, no time, no extra flags, an unknown system (2.3.1).
constexpr std::array<unsigned char, 10> kHead{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
// An empty final block. The output of a Deflater ends at a byte boundary, but not with a final block.
constexpr std::array<unsigned char, 2> kFinalBlock{0x03, 0x00};

std::uint32_t checksum(Bytes in) noexcept {
    uLong sum = crc32(0, nullptr, 0);
    while (!in.empty()) {
        const Bytes part = in.first(std::min<std::size_t>(in.size(), 1U << 30U));
        sum =
            crc32(sum, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size()));
        in = in.subspan(part.size());
    }
    return static_cast<std::uint32_t>(sum);
}

void append(std::span<const unsigned char> bytes, std::pmr::vector<std::byte>& out) {
    for (const unsigned char byte : bytes) out.push_back(std::byte{byte});
}

void append_number(std::uint32_t value, std::pmr::vector<std::byte>& out) {
    for (unsigned shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<std::byte>(value >> shift & 0xffU));
}

}  // namespace

void gzip(DeflatePool& pool, Bytes in, std::pmr::vector<std::byte>& out) {
    append(kHead, out);
    pool.deflater()->compress({&in, 1}, out);
    append(kFinalBlock, out);
    append_number(checksum(in), out);
    append_number(static_cast<std::uint32_t>(in.size()), out);
}

}  // namespace switchboard
