// Rows of the tables for the tests of the PROXY protocol's parser, and how each is checked.
#pragma once

#include <doctest/doctest.h>
#include <string>
#include <switchboard/proxy.hpp>
#include <vector>

#include "proxy_bytes.hpp"

namespace switchboard::test {

struct Good {
    const char* rule;
    std::string bytes;
    ProxyHeader header;
};

struct Bad {
    const char* rule;
    std::string bytes;
    std::string fault;
};

inline Endpoint endpoint(const char* text) {
    return Endpoint::parse(text).value();
}

inline ProxyHeader header(int version, const char* source, const char* destination) {
    return {.version = static_cast<std::uint8_t>(version),
            .source = endpoint(source),
            .destination = endpoint(destination)};
}

inline ProxyHeader with_tlvs(std::vector<ProxyTlv> tlvs, bool checksum = false) {
    ProxyHeader made = header(2, "192.0.2.1:12345", "198.51.100.2:443");
    made.tlvs = std::move(tlvs);
    made.checksum = checksum;
    return made;
}

inline ProxyHeader local() {
    return {.command = ProxyCommand::local};
}

inline ProxyHeader unix_header(const char* source, const char* destination, bool datagram = false) {
    ProxyHeader made = header(2, source, destination);
    made.unix_datagram = datagram;
    return made;
}

// The result must be "not whole" until the last byte has come, and bytes after the header must not be
// touched.
inline void check_good(const Good& row) {
    CAPTURE(row.rule);
    for (std::size_t size = 0; size < row.bytes.size(); ++size) {
        const auto part = parse_proxy_header(as_bytes(row.bytes).first(size), 65'551);
        REQUIRE(part);
        REQUIRE(part->size == 0);
    }
    for (const char* const behind : {"", "GET / HTTP/1.1\r\n\r\n", "\r\n", "PROXY TCP4 "}) {
        const auto whole = parse_proxy_header(as_bytes(row.bytes + behind), 65'551);
        REQUIRE_MESSAGE(whole, whole.error().message());
        CHECK(whole->size == row.bytes.size());
        CHECK(whole->header == row.header);
    }
}

// A header that is refused must stay refused when more bytes come, with the same text for every split.
inline void check_bad(const Bad& row, std::size_t max_size = 65'551) {
    CAPTURE(row.rule);
    const auto whole = parse_proxy_header(as_bytes(row.bytes), max_size);
    REQUIRE_FALSE(whole);
    CHECK(whole.error().message() == "PROXY header: " + row.fault);
    bool refused = false;
    for (std::size_t size = 0; size < row.bytes.size(); ++size) {
        const auto part = parse_proxy_header(as_bytes(row.bytes).first(size), max_size);
        if (part) {
            CHECK_FALSE(refused);
            CHECK(part->size == 0);
            continue;
        }
        refused = true;
        CHECK(part.error().message() == whole.error().message());
    }
    const auto more = parse_proxy_header(as_bytes(row.bytes + "x"), max_size);
    REQUIRE_FALSE(more);
    CHECK(more.error().message() == whole.error().message());
}

inline Bad malformed(const char* rule, std::string bytes, const std::string& fault) {
    return {rule, std::move(bytes), fault + ": malformed message"};
}

}  // namespace switchboard::test
