// The checksum CRC32C (RFC 4960, appendix B).
#pragma once

#include <cstdint>
#include <switchboard/bytes.hpp>

namespace switchboard::detail {

// Returns the checksum of `bytes` after other bytes, whose checksum is `before`.
std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0) noexcept;

}  // namespace switchboard::detail
