#include "tlv.hpp"

#include <algorithm>
#include <cstdio>

#include "wire.hpp"

namespace switchboard {
namespace detail {
namespace {

constexpr std::size_t kChecksumSize = 4;
constexpr std::size_t kMaxUniqueId = 128;  // 2.2.5
constexpr std::size_t kSslStartSize = 5;   // `client` and `verify`, 2.2.6

std::string described(const ProxyTlv& tlv) {
    return "TLV " + hex(static_cast<std::uint8_t>(tlv.type)) + " of " +
           std::to_string(tlv.value.size()) + " bytes: ";
}

Checked<ProxyTlv> read_tlv(Bytes bytes) {
    if (bytes.size() < kTlvStartSize)
        return wrong("the last " + std::to_string(bytes.size()) + " bytes are too few for a TLV");
    const auto type = std::to_integer<std::uint8_t>(bytes[0]);
    const std::size_t size = read_number<2>(bytes.subspan(1));
    const Bytes rest = bytes.subspan(kTlvStartSize);
    if (size > rest.size())
        return wrong("TLV " + hex(type) + " claims " + std::to_string(size) + " bytes, but " +
                     std::to_string(rest.size()) + " are left");
    return ProxyTlv{ProxyTlvType{type}, std::string(as_text(rest.first(size)))};
}

}  // namespace

std::string hex(std::uint32_t value) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "0x%02x", value);
    return text.data();
}

Checked<std::vector<ProxyTlv>> read_tlvs(Bytes bytes) {
    std::vector<ProxyTlv> tlvs;
    while (!bytes.empty()) {
        auto tlv = read_tlv(bytes);
        if (!tlv) return wrong(tlv.error());
        bytes = bytes.subspan(kTlvStartSize + tlv->value.size());
        tlvs.push_back(std::move(*tlv));
    }
    return tlvs;
}

Checked<std::string> write_tlvs(const std::vector<ProxyTlv>& tlvs) {
    std::string bytes;
    for (const ProxyTlv& tlv : tlvs) {
        if (tlv.value.size() > kMaxRest) return wrong(described(tlv) + "the length has 16 bits");
        bytes += static_cast<char>(tlv.type);
        bytes += number_bytes<2>(tlv.value.size()) + tlv.value;
    }
    return bytes;
}

Checked<ProxySsl> read_ssl(Bytes value) {
    if (value.size() < kSslStartSize) return wrong("it must have at least 5");
    const auto client = std::to_integer<std::uint8_t>(value[0]);
    const std::uint32_t verify = read_number<4>(value.subspan(1));
    return read_tlvs(value.subspan(kSslStartSize)).map([&](std::vector<ProxyTlv> tlvs) {
        return ProxySsl{client, verify, std::move(tlvs)};
    });
}

Checked<void> check_value(const ProxyTlv& tlv) {
    const std::size_t size = tlv.value.size();
    if (tlv.type == ProxyTlvType::crc32c && size != kChecksumSize)
        return wrong(described(tlv) + "a CRC32C must have 4");
    if (tlv.type == ProxyTlvType::unique_id && size > kMaxUniqueId)
        return wrong(described(tlv) + "a unique ID has at most 128");
    if (tlv.type != ProxyTlvType::ssl) return {};
    const auto ssl = read_ssl(as_bytes(tlv.value));
    return ssl ? Checked<void>() : wrong(described(tlv) + ssl.error());
}

}  // namespace detail

const std::string* find_tlv(const std::vector<ProxyTlv>& tlvs, ProxyTlvType type) noexcept {
    const auto found = std::find_if(tlvs.begin(), tlvs.end(),
                                    [&](const ProxyTlv& tlv) { return tlv.type == type; });
    return found == tlvs.end() ? nullptr : &found->value;
}

Result<ProxyTlv> ProxySsl::to_tlv() const {
    auto inner = detail::write_tlvs(tlvs);
    const std::size_t size = inner ? detail::kSslStartSize + inner->size() : 0;
    if (size > detail::kMaxRest) inner = detail::wrong("it has more than 65,535 bytes");
    if (!inner)
        return fail(std::make_error_code(std::errc::invalid_argument), "TLV ssl: " + inner.error());
    std::string value(1, static_cast<char>(client));
    value += detail::number_bytes<4>(verify) + *inner;
    return ProxyTlv{ProxyTlvType::ssl, std::move(value)};
}

std::optional<ProxySsl> ProxyHeader::ssl() const {
    const std::string* const value = find(ProxyTlvType::ssl);
    if (value == nullptr) return std::nullopt;
    auto decoded = detail::read_ssl(as_bytes(*value));
    return decoded ? std::optional(std::move(*decoded)) : std::nullopt;
}

}  // namespace switchboard
