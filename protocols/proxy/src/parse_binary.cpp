// Version 2: binary (2.2).
#include <algorithm>

#include "crc32c.hpp"
#include "ip_address.hpp"
#include "parse.hpp"
#include "tlv.hpp"
#include "wire.hpp"

namespace switchboard::detail {
namespace {

constexpr std::size_t kVersionAt = 12, kFamilyAt = 13, kLengthAt = 14;

unsigned high(std::byte b) {
    return std::to_integer<unsigned>(b) >> 4;
}
unsigned low(std::byte b) {
    return std::to_integer<unsigned>(b) & 0x0f;
}

// The first 16 bytes, without the signature.
struct Start {
    ProxyCommand command;
    unsigned family;
    unsigned transport;
    std::size_t length;

    explicit Start(Bytes in)
        : command(ProxyCommand{static_cast<std::uint8_t>(low(in[kVersionAt]))}),
          family(high(in[kFamilyAt])),
          transport(low(in[kFamilyAt])),
          length(read_number<2>(in.subspan(kLengthAt))) {}

    // If false, the rest is skipped. One unspecified value of the two is enough.
    bool has_endpoints() const {
        return command == ProxyCommand::proxy && family != kUnspecifiedFamily &&
               transport != kUnspecifiedTransport;
    }
};

// Checks the bytes that have come so far. The family of a LOCAL header is ignored.
Checked<void> check_start(Bytes in) {
    if (in.size() <= kVersionAt) return {};
    const std::byte version = in[kVersionAt];
    if (high(version) != 2) return wrong("unknown version " + std::to_string(high(version)));
    if (low(version) > 1) return wrong("unknown command " + std::to_string(low(version)));
    if (in.size() <= kFamilyAt || low(version) == 0) return {};
    const std::byte family = in[kFamilyAt];
    if (high(family) > kUnix)
        return wrong("unknown address family " + std::to_string(high(family)));
    if (low(family) > kDatagram) return wrong("unknown transport " + std::to_string(low(family)));
    return {};
}

Result<void> check_length(const Start& start, std::size_t max_size) {
    const std::size_t needed = start.has_endpoints() ? addresses_size(start.family) : 0;
    if (start.length < needed)
        return malformed("its length " + std::to_string(start.length) + " is too short for the " +
                         std::to_string(needed) + " bytes of the addresses");
    const std::size_t size = kStartSize + start.length;
    if (size <= max_size) return {};
    return fail(errc::message_too_large, "PROXY header: " + std::to_string(size) +
                                             " bytes, but at most " + std::to_string(max_size) +
                                             " are allowed");
}

// Like Endpoint::from(), but reads a field of 108 bytes on every system. An abstract name starts with a zero
// byte and ends before the zeros that fill the field.
Endpoint read_unix(Bytes field) {
    const std::string_view text = as_text(field);
    if (text[0] != '\0') {
        const std::string path(text.substr(0, text.find('\0')));
        return Endpoint::unix_path(path.starts_with('@') ? "./" + path : path);
    }
    const std::string_view name = text.substr(1, text.find_last_not_of('\0'));
    const bool plain = text.find_last_not_of('\0') != std::string_view::npos &&
                       name.find('\0') == std::string_view::npos;
    return Endpoint::unix_path(plain ? "@" + std::string(name) : "");
}

Endpoint read_inet(unsigned transport, Bytes address, Bytes port) {
    const std::string host = text_of(ip_of_bytes(address));
    const auto number = static_cast<std::uint16_t>(read_number<2>(port));
    return transport == kDatagram ? Endpoint::udp(host, number) : Endpoint::tcp(host, number);
}

// `in` are the bytes after the first 16.
ProxyHeader read_addresses(const Start& start, Bytes in) {
    ProxyHeader header;
    if (start.family == kUnix) {
        header.source = read_unix(in.first(kUnixSize));
        header.destination = read_unix(in.subspan(kUnixSize, kUnixSize));
        header.unix_datagram = start.transport == kDatagram;
        return header;
    }
    const std::size_t size = start.family == kIpv4 ? 4 : 16;
    const Bytes ports = in.subspan(2 * size, 4);
    header.source = read_inet(start.transport, in.first(size), ports);
    header.destination = read_inet(start.transport, in.subspan(size, size), ports.subspan(2));
    return header;
}

// Removes the CRC32C from the entries and checks it (2.2.3). `whole` are all bytes of the header, and `at`
// is the offset of the entries in it.
Checked<void> take_checksum(Bytes whole, std::size_t at, ProxyHeader& header) {
    const auto is_checksum = [](const ProxyTlv& tlv) { return tlv.type == ProxyTlvType::crc32c; };
    auto& tlvs = header.tlvs;
    const auto found = std::find_if(tlvs.begin(), tlvs.end(), is_checksum);
    if (found == tlvs.end()) return {};
    if (std::count_if(found, tlvs.end(), is_checksum) > 1) return wrong("more than one CRC32C");
    for (auto tlv = tlvs.begin(); tlv != found; ++tlv) at += kTlvStartSize + tlv->value.size();
    at += kTlvStartSize;
    constexpr std::array<std::byte, 4> kZeros{};
    const std::uint32_t sum =
        crc32c(whole.subspan(at + 4), crc32c(kZeros, crc32c(whole.first(at))));
    const std::uint32_t sent = read_number<4>(whole.subspan(at));
    if (sum != sent) return wrong("its CRC32C is " + hex(sum) + ", not " + hex(sent));
    tlvs.erase(found);
    header.checksum = true;
    return {};
}

Checked<ProxyHeader> read_header(const Start& start, Bytes whole) {
    ProxyHeader header = read_addresses(start, whole.subspan(kStartSize));
    const std::size_t at = kStartSize + addresses_size(start.family);
    auto tlvs = read_tlvs(whole.subspan(at));
    if (!tlvs) return wrong(tlvs.error());
    for (const ProxyTlv& tlv : *tlvs)
        if (const auto good = check_value(tlv); !good) return wrong(good.error());
    header.tlvs = std::move(*tlvs);
    return take_checksum(whole, at, header).map([&] { return std::move(header); });
}

}  // namespace

Result<ProxyFront> parse_binary(Bytes in, std::size_t max_size) {
    if (const auto good = check_start(in); !good) return malformed(good.error());
    if (in.size() < kStartSize) return ProxyFront{};
    const Start start(in);
    if (const auto good = check_length(start, max_size); !good) return tl::unexpected(good.error());
    const std::size_t size = kStartSize + start.length;
    if (in.size() < size) return ProxyFront{};
    if (!start.has_endpoints()) return ProxyFront{size, {.command = start.command}};
    auto header = read_header(start, in.first(size));
    if (!header) return malformed(header.error());
    return ProxyFront{size, std::move(*header)};
}

}  // namespace switchboard::detail
