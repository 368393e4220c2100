// IP addresses as bytes. IPv4 is held IPv4-mapped (RFC 4291, 2.5.5.2), so that one address has one form.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/bytes.hpp>

namespace switchboard::detail {

using IpAddress = std::array<std::uint8_t, 16>;

// Literals as inet_pton takes them: no zone, and no leading zeros in IPv4.
std::optional<IpAddress> read_ipv4(std::string_view text);
std::optional<IpAddress> read_ipv6(std::string_view text);
std::optional<IpAddress> read_ip(std::string_view text);  // either

IpAddress ip_of_bytes(Bytes bytes);  // 4 or 16, in network order
bool is_ipv4(const IpAddress& address) noexcept;
// As inet_ntop writes it. An IPv4 address stays mapped only where `mapped` asks for it.
std::string text_of(const IpAddress& address, bool mapped = false);

}  // namespace switchboard::detail
