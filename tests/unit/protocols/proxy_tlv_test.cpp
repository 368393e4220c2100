// The TLVs of a version 2 header: their lengths, the checksum, and the client's TLS connection.
#include <doctest/doctest.h>

#include <ostream>
#include <switchboard/proxy.hpp>

#include "proxy_rows.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

using Type = ProxyTlvType;

std::string ssl_value(int client, int verify, const std::string& tlvs) {
    return bytes_of({client, 0, 0, 0, verify}) + tlvs;
}

ProxyHeader parsed(const std::string& bytes) {
    return parse_proxy_header(as_bytes(bytes)).value().header;
}

}  // namespace

TEST_CASE("proxy: TLVs that are right, in the order of the header") {
    const std::string ssl = ssl_value(7, 0, tlv_bytes(0x21, "TLSv1.3") + tlv_bytes(0x22, ""));
    const Good rows[] = {
        {"2.2.1 ALPN", tcp4_header(tlv_bytes(0x01, "h2")), with_tlvs({{Type::alpn, "h2"}})},
        {"2.2.2 AUTHORITY", tcp4_header(tlv_bytes(0x02, "example.org")),
         with_tlvs({{Type::authority, "example.org"}})},
        {"2.2.4 NOOP, also with no value",
         tcp4_header(tlv_bytes(0x04, "") + tlv_bytes(0x04, "xxx")),
         with_tlvs({{Type::noop, ""}, {Type::noop, "xxx"}})},
        {"2.2.5 UNIQUE_ID of 128 bytes", tcp4_header(tlv_bytes(0x05, std::string(128, '\0'))),
         with_tlvs({{Type::unique_id, std::string(128, '\0')}})},
        {"2.2.6 SSL", tcp4_header(tlv_bytes(0x20, ssl)), with_tlvs({{Type::ssl, ssl}})},
        {"2.2.6 SSL without more", tcp4_header(tlv_bytes(0x20, ssl_value(0, 1, ""))),
         with_tlvs({{Type::ssl, ssl_value(0, 1, "")}})},
        {"2.2.7 NETNS", tcp4_header(tlv_bytes(0x30, "blue")), with_tlvs({{Type::netns, "blue"}})},
        {"2.2.8 of an application", tcp4_header(tlv_bytes(0xe0, "a") + tlv_bytes(0xff, "b")),
         with_tlvs({{Type{0xe0}, "a"}, {Type{0xff}, "b"}})},
        {"of one type twice", tcp4_header(tlv_bytes(0x02, "a") + tlv_bytes(0x02, "b")),
         with_tlvs({{Type::authority, "a"}, {Type::authority, "b"}})},
        {"of a great length", tcp4_header(tlv_bytes(0xe1, std::string(65'520, 'x'))),
         with_tlvs({{Type{0xe1}, std::string(65'520, 'x')}})},
    };
    for (const Good& row : rows) check_good(row);
}

TEST_CASE("proxy: TLVs with invalid lengths") {
    const auto ssl = [](const std::string& value) { return tcp4_header(tlv_bytes(0x20, value)); };
    const Bad rows[] = {
        malformed("2.2 one byte", tcp4_header("\x04"), "the last 1 bytes are too few for a TLV"),
        malformed("2.2 two bytes", tcp4_header(tlv_bytes(0x04, "") + bytes_of({4, 0})),
                  "the last 2 bytes are too few for a TLV"),
        malformed("2.2 one more than there are", tcp4_header(bytes_of({2, 0, 4}) + "abc"),
                  "TLV 0x02 claims 4 bytes, but 3 are left"),
        malformed("2.2 the greatest", tcp4_header(bytes_of({0xee, 0xff, 0xff})),
                  "TLV 0xee claims 65535 bytes, but 0 are left"),
        malformed("2.2 one byte less", tcp4_header(bytes_of({2, 0, 2}) + "abc"),
                  "the last 1 bytes are too few for a TLV"),
        malformed("2.2 of unix addresses", binary_header(0x21, 0x31, std::string(216, 'x') + "ab"),
                  "the last 2 bytes are too few for a TLV"),
        malformed("2.2.3 the size of CRC32C", tcp4_header(tlv_bytes(0x03, "abc")),
                  "TLV 0x03 of 3 bytes: a CRC32C must have 4"),
        malformed("2.2.5 the size of UNIQUE_ID",
                  tcp4_header(tlv_bytes(0x05, std::string(129, 'x'))),
                  "TLV 0x05 of 129 bytes: a unique ID has at most 128"),
        malformed("2.2.6 the size of SSL", ssl("abcd"),
                  "TLV 0x20 of 4 bytes: it must have at least 5"),
        malformed("2.2.6 within SSL", ssl(ssl_value(1, 0, bytes_of({0x21, 0, 9}) + "TLSv1.3")),
                  "TLV 0x20 of 15 bytes: TLV 0x21 claims 9 bytes, but 7 are left"),
        malformed("2.2.6 within SSL", ssl(ssl_value(1, 0, "x")),
                  "TLV 0x20 of 6 bytes: the last 1 bytes are too few for a TLV"),
    };
    for (const Bad& row : rows) check_bad(row);
}

TEST_CASE("proxy: a CRC32C is checked at any position") {
    const std::string name = tlv_bytes(0x02, "example.org"), alpn = tlv_bytes(0x01, "h2");
    // The value was computed by an independent program.
    const std::string known = tcp4_header(tlv_bytes(0x03, bytes_of({0xc8, 0xcc, 0xd4, 0xb7})));
    CHECK(summed_header("", "") == known);
    const Good rows[] = {
        {"2.2.3 alone", known, with_tlvs({}, true)},
        {"2.2.3 first", summed_header("", name),
         with_tlvs({{Type::authority, "example.org"}}, true)},
        {"2.2.3 last", summed_header(name, ""),
         with_tlvs({{Type::authority, "example.org"}}, true)},
        {"2.2.3 between", summed_header(name, alpn),
         with_tlvs({{Type::authority, "example.org"}, {Type::alpn, "h2"}}, true)},
    };
    for (const Good& row : rows) check_good(row);
}

TEST_CASE("proxy: with a CRC32C, a change of any bit is noticed") {
    const std::string right = summed_header(tlv_bytes(0x02, "a"), tlv_bytes(0x01, "h2"));
    for (std::size_t bit = 0; bit < 8 * right.size(); ++bit) {
        std::string wrong = right;
        wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ 1 << bit % 8);
        CAPTURE(bit);
        const auto front = parse_proxy_header(as_bytes(wrong));
        // A change of the length, command or family may result in a header without the entry.
        CHECK((!front || front->size == 0 || !front->header.checksum));
        const bool in_addresses = bit / 8 >= 16 && bit / 8 < 28;
        if (in_addresses) CHECK_FALSE(front);
    }
    std::string other = right;
    other[16] = '\x0a';
    const auto front = parse_proxy_header(as_bytes(other));
    REQUIRE_FALSE(front);
    CHECK(front.error() == errc::malformed_message);
    CHECK(front.error().message().find("its CRC32C is 0x") != std::string::npos);
}

TEST_CASE("proxy: a second CRC32C is refused") {
    const std::string none = tlv_bytes(0x03, std::string(4, '\0'));
    check_bad(malformed("2.2.3", tcp4_header(none + none), "more than one CRC32C"));
}

TEST_CASE("proxy: find() returns the first TLV of a type") {
    const ProxyHeader header =
        parsed(tcp4_header(tlv_bytes(0x01, "h2") + tlv_bytes(0x02, "a") + tlv_bytes(0x02, "b")));
    CHECK(*header.find(Type::authority) == "a");
    CHECK(header.find(Type::netns) == nullptr);
}

TEST_CASE("proxy: what a header says about the client's TLS connection") {
    const ProxySsl sent{.client = ProxySsl::kTls | ProxySsl::kCertificateInSession,
                        .verify = 0x01020304,
                        .tlvs = {{Type::ssl_version, "TLSv1.3"}, {Type::ssl_common_name, "anna"}}};
    const std::string value =
        bytes_of({5, 1, 2, 3, 4}) + tlv_bytes(0x21, "TLSv1.3") + tlv_bytes(0x22, "anna");
    CHECK(sent.to_tlv().value() == ProxyTlv{Type::ssl, value});
    CHECK(parsed(tcp4_header(tlv_bytes(0x20, value))).ssl() == sent);
    CHECK(parsed(tcp4_header("")).ssl() == std::nullopt);
    CHECK(with_tlvs({{Type::ssl, "abc"}}).ssl() == std::nullopt);
}

TEST_CASE("proxy: an SSL entry that is too long is refused") {
    const ProxySsl one{.tlvs = {{Type::ssl_client_certificate, std::string(65'536, 'x')}}};
    CHECK(one.to_tlv().error().message() ==
          "TLV ssl: TLV 0x28 of 65536 bytes: the length has 16 bits: invalid argument");
    const ProxySsl all{.tlvs = {{Type::ssl_client_certificate, std::string(65'528, 'x')}}};
    CHECK(all.to_tlv().error().message() ==
          "TLV ssl: it has more than 65,535 bytes: invalid argument");
    const ProxySsl most{.tlvs = {{Type::ssl_client_certificate, std::string(65'527, 'x')}}};
    CHECK(most.to_tlv()->value.size() == 65'535);
}

TEST_CASE("proxy: a certificate is verified only if there was one") {
    CHECK(ProxySsl{.client = 3, .verify = 0}.has_verified_certificate());
    CHECK(ProxySsl{.client = 5, .verify = 0}.has_verified_certificate());
    CHECK_FALSE(ProxySsl{.client = 7, .verify = 1}.has_verified_certificate());
    CHECK_FALSE(ProxySsl{.client = 1, .verify = 0}.has_verified_certificate());
}

// Sent by haproxy with `send-proxy-v2 proxy-v2-options
// ssl,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id`, for a client that used TLS 1.3.
TEST_CASE("proxy: TLVs of a header as haproxy 2.6.12 sent it") {
    const std::string tls = tlv_bytes(0x21, "TLSv1.3") + tlv_bytes(0x25, "RSA2048") +
                            tlv_bytes(0x24, "RSA-SHA256") +
                            tlv_bytes(0x23, "TLS_AES_256_GCM_SHA384");
    const std::string sent =
        binary_header(0x21, 0x11,
                      bytes_of({127, 0, 0, 1, 127, 0, 0, 1, 0xe9, 0xbc, 0xa2, 0xeb}) +
                          tlv_bytes(0x03, bytes_of({0xb5, 0x89, 0x30, 0xce})) +
                          tlv_bytes(0x01, "h2") + tlv_bytes(0x02, "example.org") +
                          tlv_bytes(0x05, "id-127.0.0.1") + tlv_bytes(0x20, ssl_value(1, 0, tls)));
    ProxyHeader right = header(2, "127.0.0.1:59836", "127.0.0.1:41707");
    right.checksum = true;
    right.tlvs = {{Type::alpn, "h2"},
                  {Type::authority, "example.org"},
                  {Type::unique_id, "id-127.0.0.1"},
                  {Type::ssl, ssl_value(1, 0, tls)}};
    check_good({"haproxy", sent, right});
    const auto ssl = parsed(sent).ssl();
    REQUIRE(ssl);
    CHECK(*find_tlv(ssl->tlvs, Type::ssl_cipher) == "TLS_AES_256_GCM_SHA384");
    CHECK_FALSE(ssl->has_verified_certificate());
}
