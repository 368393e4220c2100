// The PROXY protocol's encoder: the bytes of each header, and headers that cannot be expressed.
#include <doctest/doctest.h>

#include <ostream>
#include <switchboard/proxy.hpp>

#include "proxy_rows.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

using Type = ProxyTlvType;

void check_encoded(const Good& row) {
    CAPTURE(row.rule);
    const auto bytes = encode_proxy_header(row.header);
    REQUIRE_MESSAGE(bytes, bytes.error().message());
    CHECK(*bytes == row.bytes);
    CHECK(parse_proxy_header(as_bytes(*bytes), 65'551)->header == row.header);
}

void check_refused(const ProxyHeader& header, const std::string& fault) {
    const auto bytes = encode_proxy_header(header);
    REQUIRE_FALSE(bytes);
    CHECK(bytes.error() == std::errc::invalid_argument);
    CHECK(bytes.error().message() == "PROXY header: " + fault + ": invalid argument");
}

ProxyHeader unix_pair(const std::string& source) {
    return {.source = Endpoint::unix_path(source), .destination = Endpoint::unix_path("/b")};
}

}  // namespace

TEST_CASE("proxy: headers of version 1 as they are sent") {
    const Good rows[] = {
        {"TCP4", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
         header(1, "192.168.0.1:56324", "192.168.0.11:443")},
        {"TCP6", "PROXY TCP6 2001:db8::1 ::1 0 65535\r\n",
         header(1, "[2001:db8::1]:0", "[::1]:65535")},
        {"IPv4 beside IPv6", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n",
         header(1, "192.0.2.1:1", "[2001:db8::2]:2")},
        {"UNKNOWN", "PROXY UNKNOWN\r\n", {.version = 1}},
    };
    for (const Good& row : rows) check_encoded(row);
}

TEST_CASE("proxy: headers of version 2 as they are sent") {
    const std::string mapped = std::string(10, '\0') + "\xff\xff" + bytes_of({192, 0, 2, 1});
    const std::string full(108, 'x');
    const Good rows[] = {
        {"TCP over IPv4", tcp4_header(""), with_tlvs({})},
        {"UDP over IPv4", binary_header(0x21, 0x12, kIpv4Block),
         header(2, "udp://192.0.2.1:12345", "udp://198.51.100.2:443")},
        {"TCP over IPv6", binary_header(0x21, 0x21, kIpv6Block),
         header(2, "[2001:db8::1]:12345", "[2001:db8::2]:443")},
        {"UDP over IPv6", binary_header(0x21, 0x22, kIpv6Block),
         header(2, "udp://[2001:db8::1]:12345", "udp://[2001:db8::2]:443")},
        {"IPv4 beside IPv6", binary_header(0x21, 0x21, mapped + kIpv6Block.substr(16)),
         header(2, "192.0.2.1:12345", "[2001:db8::2]:443")},
        {"unix", binary_header(0x21, 0x31, unix_field("/a") + unix_field("")),
         unix_header("unix:/a", "unix:")},
        {"unix datagram", binary_header(0x21, 0x32, unix_field("/a") + unix_field("/b")),
         unix_header("unix:/a", "unix:/b", true)},
        {"abstract",
         binary_header(0x21, 0x31, unix_field(std::string("\0a", 2)) + unix_field("@b")),
         unix_header("unix:@a", "unix:./@b")},
        {"a path that fills the field", binary_header(0x21, 0x31, full + unix_field("/b")),
         unix_header(("unix:" + full).c_str(), "unix:/b")},
        {"UNSPEC", binary_header(0x21, 0x00, ""), {}},
        {"LOCAL", binary_header(0x20, 0x00, ""), local()},
        {"TLVs", tcp4_header(tlv_bytes(0x01, "h2") + tlv_bytes(0xe3, "")),
         with_tlvs({{Type::alpn, "h2"}, {Type{0xe3}, ""}})},
        {"a checksum", summed_header("", ""), with_tlvs({}, true)},
        {"a checksum and TLVs", summed_header(tlv_bytes(0x05, "id"), ""),
         with_tlvs({{Type::unique_id, "id"}}, true)},
        {"the longest", tcp4_header(tlv_bytes(0xe0, std::string(65'520, 'x'))),
         with_tlvs({{Type{0xe0}, std::string(65'520, 'x')}})},
    };
    for (const Good& row : rows) check_encoded(row);
}

TEST_CASE("proxy: an IPv4-mapped endpoint is sent as IPv4") {
    const ProxyHeader header{.source = Endpoint::tcp("::ffff:192.0.2.1", 12345),
                             .destination = Endpoint::tcp("198.51.100.2", 443)};
    CHECK(encode_proxy_header(header) == tcp4_header(""));
}

TEST_CASE("proxy: what version 1 cannot express is refused") {
    const auto old = [](ProxyHeader header) {
        header.version = 1;
        return header;
    };
    check_refused(old(local()), "version 1 has no LOCAL");
    check_refused(old(unix_pair("/a")), "version 1 has TCP endpoints only");
    check_refused(header(1, "udp://1.2.3.4:1", "udp://1.2.3.4:2"),
                  "version 1 has TCP endpoints only");
    check_refused(old(with_tlvs({{Type::alpn, "h2"}})), "version 1 has no TLVs");
    check_refused(old(with_tlvs({}, true)), "version 1 has no TLVs");
}

TEST_CASE("proxy: what no version can express is refused") {
    for (const std::uint8_t version : {std::uint8_t{1}, std::uint8_t{2}}) {
        const auto from = [&](const char* source) { return header(version, source, "[::1]:2"); };
        check_refused(from("localhost:1"),
                      "tcp://localhost:1 is not a literal address, or has a zone");
        check_refused(from("*:1"), "tcp://*:1 is not a literal address, or has a zone");
        check_refused(from("[fe80::1%3]:1"),
                      "tcp://[fe80::1%3]:1 is not a literal address, or has a zone");
        check_refused(from("udp://1.2.3.4:1"), "the endpoints differ in kind");
        check_refused(from("unix:/a"), "the endpoints differ in kind");
        check_refused({.version = version, .source = endpoint("1.2.3.4:1")},
                      "the endpoints differ in kind");
        check_refused({.version = version, .destination = endpoint("1.2.3.4:1")},
                      "the endpoints differ in kind");
        check_refused(header(version, "fd:3", "fd:4"), "a descriptor is not an address");
    }
    check_refused({.version = 0}, "unknown version 0");
    check_refused({.version = 3}, "unknown version 3");
}

TEST_CASE("proxy: what version 2 cannot express is refused") {
    ProxyHeader relayed = with_tlvs({});
    relayed.command = ProxyCommand::local;
    check_refused(relayed, "a LOCAL header cannot have endpoints");
    check_refused({.tlvs = {{Type::alpn, "h2"}}}, "TLVs and a checksum need endpoints");
    check_refused({.command = ProxyCommand::local, .checksum = true},
                  "TLVs and a checksum need endpoints");
    check_refused(unix_pair(std::string(109, 'x')),
                  "unix:" + std::string(109, 'x') + " is longer than 108 bytes");
    check_refused(unix_pair("@"), "unix:@ is not a unix address");
    check_refused(unix_pair(std::string("/a\0b", 4)),
                  std::string("unix:/a\0b", 9) + " is not a unix address");
    check_refused(with_tlvs({{Type::crc32c, "abcd"}}), "set `checksum` instead of a CRC32C entry");
    check_refused(with_tlvs({{Type::unique_id, std::string(129, 'x')}}),
                  "TLV 0x05 of 129 bytes: a unique ID has at most 128");
    check_refused(with_tlvs({{Type::ssl, "abc"}}), "TLV 0x20 of 3 bytes: it must have at least 5");
    check_refused(with_tlvs({{Type{0xe0}, std::string(65'536, 'x')}}),
                  "TLV 0xe0 of 65536 bytes: the length has 16 bits");
    check_refused(with_tlvs({{Type{0xe0}, std::string(65'521, 'x')}}),
                  "it has more than 65,551 bytes");
}
