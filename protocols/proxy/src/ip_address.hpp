// IP addresses as bytes. IPv4 addresses are stored IPv4-mapped (RFC 4291, 2.5.5.2), so that each address has
// one form.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/bytes.hpp>

namespace switchboard::detail {

using IpAddress = std::array<std::uint8_t, 16>;

// Reads literals like inet_pton(3): no zone, and no leading zeros in IPv4.
std::optional<IpAddress> read_ipv4(std::string_view text);
std::optional<IpAddress> read_ipv6(std::string_view text);
std::optional<IpAddress> read_ip(std::string_view text);  // either

IpAddress ip_of_bytes(Bytes bytes);  // 4 or 16, in network order
bool is_ipv4(const IpAddress& address) noexcept;
// Writes the address like inet_ntop(3). An IPv4 address is written IPv4-mapped only if `mapped` is true.
std::string text_of(const IpAddress& address, bool mapped = false);

}  // namespace switchboard::detail
