#include <switchboard/proxy.hpp>

#include "crc32c.hpp"
#include "ip_address.hpp"
#include "tlv.hpp"
#include "wire.hpp"

namespace switchboard {
namespace {

using detail::Checked;
using detail::IpAddress;
using detail::wrong;
using Kind = Endpoint::Kind;

// The source and the destination, if both are IP addresses.
struct Addresses {
    IpAddress source;
    IpAddress destination;

    bool are_ipv4() const { return detail::is_ipv4(source) && detail::is_ipv4(destination); }
};

Checked<IpAddress> address_of(const Endpoint& endpoint) {
    const auto address = detail::read_ip(endpoint.host());
    if (!address) return wrong(endpoint.to_string() + " is not a literal address, or has a zone");
    return *address;
}

Checked<Addresses> addresses_of(const ProxyHeader& header) {
    const auto source = address_of(header.source);
    if (!source) return wrong(source.error());
    const auto destination = address_of(header.destination);
    if (!destination) return wrong(destination.error());
    return Addresses{*source, *destination};
}

Checked<void> check_kinds(const ProxyHeader& header) {
    const Kind kind = header.source.kind();
    if (kind != header.destination.kind()) return wrong("the endpoints differ in kind");
    if (kind == Kind::descriptor) return wrong("a descriptor is not an address");
    const bool local = header.command == ProxyCommand::local;
    if (local && header.has_endpoints()) return wrong("a LOCAL header cannot have endpoints");
    const bool extras = header.checksum || !header.tlvs.empty();
    if (extras && !header.has_endpoints()) return wrong("TLVs and a checksum need endpoints");
    return {};
}

Checked<std::string> encode_line(const ProxyHeader& header) {
    if (header.command == ProxyCommand::local) return wrong("version 1 has no LOCAL");
    if (header.checksum || !header.tlvs.empty()) return wrong("version 1 has no TLVs");
    if (!header.has_endpoints()) return "PROXY UNKNOWN\r\n";
    if (header.source.kind() != Kind::tcp) return wrong("version 1 has TCP endpoints only");
    return addresses_of(header).map([&](const Addresses& both) {
        const bool ipv4 = both.are_ipv4();
        return std::string(ipv4 ? "PROXY TCP4 " : "PROXY TCP6 ") +
               detail::text_of(both.source, !ipv4) + " " +
               detail::text_of(both.destination, !ipv4) + " " +
               std::to_string(header.source.port()) + " " +
               std::to_string(header.destination.port()) + "\r\n";
    });
}

// Family, transport and address bytes of version 2.
struct Block {
    unsigned family = detail::kUnspecifiedFamily;
    unsigned transport = detail::kUnspecifiedTransport;
    std::string bytes = {};
};

// The reverse of what the parser does: "@name" is abstract, and "./@name" is the path "@name".
Checked<std::string> unix_field(const Endpoint& endpoint) {
    std::string field = endpoint.path();
    if (field == "@" || field.find('\0') != std::string::npos)
        return wrong(endpoint.to_string() + " is not a unix address");
    if (endpoint.is_abstract()) field[0] = '\0';
    if (field.starts_with("./@")) field.erase(0, 2);
    if (field.size() > detail::kUnixSize)
        return wrong(endpoint.to_string() + " is longer than 108 bytes");
    field.resize(detail::kUnixSize);
    return field;
}

Checked<Block> unix_block(const ProxyHeader& header) {
    const auto source = unix_field(header.source);
    if (!source) return wrong(source.error());
    const auto destination = unix_field(header.destination);
    if (!destination) return wrong(destination.error());
    const unsigned transport = header.unix_datagram ? detail::kDatagram : detail::kStream;
    return Block{detail::kUnix, transport, *source + *destination};
}

std::string address_bytes(const IpAddress& address, std::size_t size) {
    return {address.end() - static_cast<std::ptrdiff_t>(size), address.end()};
}

Checked<Block> block_of(const ProxyHeader& header) {
    if (!header.has_endpoints()) return Block{};
    if (header.source.kind() == Kind::unix_path) return unix_block(header);
    return addresses_of(header).map([&](const Addresses& both) {
        const std::size_t size = both.are_ipv4() ? 4 : 16;
        return Block{both.are_ipv4() ? detail::kIpv4 : detail::kIpv6,
                     header.source.kind() == Kind::udp ? detail::kDatagram : detail::kStream,
                     address_bytes(both.source, size) + address_bytes(both.destination, size) +
                         detail::number_bytes<2>(header.source.port()) +
                         detail::number_bytes<2>(header.destination.port())};
    });
}

Checked<std::string> tlvs_of(const ProxyHeader& header) {
    for (const ProxyTlv& tlv : header.tlvs) {
        if (tlv.type == ProxyTlvType::crc32c)
            return wrong("set `checksum` instead of a CRC32C entry");
        if (const auto good = detail::check_value(tlv); !good) return wrong(good.error());
    }
    auto tlvs = header.tlvs;
    if (header.checksum) tlvs.push_back({ProxyTlvType::crc32c, std::string(4, '\0')});
    return detail::write_tlvs(tlvs);
}

Checked<std::string> encode_binary(const ProxyHeader& header) {
    const auto block = block_of(header);
    if (!block) return wrong(block.error());
    const auto tlvs = tlvs_of(header);
    if (!tlvs) return wrong(tlvs.error());
    const std::size_t length = block->bytes.size() + tlvs->size();
    if (length > detail::kMaxRest) return wrong("it has more than 65,551 bytes");
    std::string bytes(detail::kSignature);
    bytes += static_cast<char>(0x20 | static_cast<unsigned>(header.command));
    bytes += static_cast<char>(block->family << 4 | block->transport);
    bytes += detail::number_bytes<2>(length) + block->bytes + *tlvs;
    // The checksum is the last entry. It counts as zero in its own sum (2.2.3).
    if (header.checksum)
        bytes.replace(bytes.size() - 4, 4,
                      detail::number_bytes<4>(detail::crc32c(as_bytes(bytes))));
    return bytes;
}

Checked<std::string> encode(const ProxyHeader& header) {
    if (const auto good = check_kinds(header); !good) return wrong(good.error());
    if (header.version == 1) return encode_line(header);
    if (header.version == 2) return encode_binary(header);
    return wrong("unknown version " + std::to_string(header.version));
}

}  // namespace

Result<std::string> encode_proxy_header(const ProxyHeader& header) {
    return encode(header).map_error([](const std::string& why) {
        return Error(std::make_error_code(std::errc::invalid_argument), "PROXY header: " + why);
    });
}

}  // namespace switchboard
