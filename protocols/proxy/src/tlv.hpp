// The entries after the addresses of version 2 (2.2): type, length and value.
#pragma once

#include <cstdint>
#include <string>
#include <switchboard/proxy.hpp>
#include <tl/expected.hpp>
#include <vector>

namespace switchboard::detail {

// The error says what is wrong with the bytes or the value.
template <class T>
using Checked = tl::expected<T, std::string>;

inline tl::unexpected<std::string> wrong(std::string why) {
    return tl::unexpected(std::move(why));
}

std::string hex(std::uint32_t value);  // such as 0x2a

Checked<std::vector<ProxyTlv>> read_tlvs(Bytes bytes);
Checked<std::string> write_tlvs(const std::vector<ProxyTlv>& tlvs);
Checked<ProxySsl> read_ssl(Bytes value);

// Checks what the specification requires of the values of registered types, for receiving and sending.
Checked<void> check_value(const ProxyTlv& tlv);

}  // namespace switchboard::detail
