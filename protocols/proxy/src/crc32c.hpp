// The checksum CRC32C (RFC 4960, appendix B).
#pragma once

#include <cstdint>
#include <switchboard/bytes.hpp>

namespace switchboard::detail {

// Of `before`, whose checksum is given, followed by `bytes`.
std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0) noexcept;

}  // namespace switchboard::detail
