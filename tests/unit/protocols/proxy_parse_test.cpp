// The PROXY protocol's parser: each rule of the specification is a row with an input and the expected result.
#include <doctest/doctest.h>

#include <ostream>
#include <switchboard/proxy.hpp>

#include "proxy_rows.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

const std::string kFull = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

}  // namespace

TEST_CASE("proxy: lines of version 1 that are right") {
    const Good rows[] = {
        {"2.1 TCP4", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
         header(1, "192.168.0.1:56324", "192.168.0.11:443")},
        {"2.1 TCP6", "PROXY TCP6 2001:db8::1 2001:DB8::2 1 2\r\n",
         header(1, "[2001:db8::1]:1", "[2001:db8::2]:2")},
        {"2.1 groups with leading zeros", "PROXY TCP6 0000:0::0001 ::0 1 2\r\n",
         header(1, "[::1]:1", "[::]:2")},
        {"2.1 the longest of TCP4", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
         header(1, "255.255.255.255:65535", "255.255.255.255:65535")},
        {"2.1 the longest of TCP6", "PROXY TCP6 " + kFull + " " + kFull + " 65535 65535\r\n",
         header(1, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")},
        {"2.1 the least numbers", "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n",
         header(1, "0.0.0.0:0", "0.0.0.0:0")},
        {"an IPv4-mapped address is the IPv4 one",
         "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c000:202 1 2\r\n",
         header(1, "192.0.2.1:1", "192.0.2.2:2")},
        {"one end is IPv4-mapped", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n",
         header(1, "192.0.2.1:1", "[2001:db8::2]:2")},
        {"2.1 UNKNOWN, short", "PROXY UNKNOWN\r\n", {.version = 1}},
        {"2.1 UNKNOWN, worst case",
         "PROXY UNKNOWN " + kFull + " " + kFull + " 65535 65535\r\n",
         {.version = 1}},
        {"2.1 the rest of UNKNOWN is ignored",
         "PROXY UNKNOWN \n\r \r\r  any\x80" + std::string(1, '\0') + "\r\n",
         {.version = 1}},
    };
    for (const Good& row : rows) check_good(row);
}

TEST_CASE("proxy: lines of version 1 that are wrong") {
    const std::string fields =
        "expected a protocol, two addresses and two ports, one space before each";
    const std::string start = "the bytes begin with neither 'PROXY ' nor the version 2 signature";
    const Bad rows[] = {
        malformed("2.1 the start", "GET / HTTP/1.1\r\n", start),
        malformed("2.1 the start has upper case", "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", start),
        malformed("2.1 one space", "PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2\r\n", start),
        malformed("2.1 not indented", " PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", start),
        malformed("2.1 a protocol", "PROXY \r\n",
                  "unknown protocol ''; expected TCP4, TCP6 or UNKNOWN"),
        malformed("2.1 the protocols", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
                  "unknown protocol 'UDP4'; expected TCP4, TCP6 or UNKNOWN"),
        malformed("2.1 upper case", "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
                  "unknown protocol 'tcp4'; expected TCP4, TCP6 or UNKNOWN"),
        malformed("2.1 UNKNOWN is a word", "PROXY UNKNOWNS\r\n",
                  "unknown protocol 'UNKNOWNS'; expected TCP4, TCP6 or UNKNOWN"),
        malformed("2.1 exactly one space", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
                  "unknown protocol ''; expected TCP4, TCP6 or UNKNOWN"),
        malformed("2.1 exactly one space", "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", fields),
        malformed("2.1 no space at the end", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", fields),
        malformed("2.1 no field is missing", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", fields),
        malformed("2.1 no field but these", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", fields),
        malformed("2.1 four numbers", "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
                  "invalid source address '1.2.3'"),
        malformed("2.1 0 to 255", "PROXY TCP4 1.2.3.4 1.2.3.256 1 2\r\n",
                  "invalid destination address '1.2.3.256'"),
        malformed("2.1 no leading zero", "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
                  "invalid source address '01.2.3.4'"),
        malformed("2.1 decimal", "PROXY TCP4 0x1.2.3.4 1.2.3.4 1 2\r\n",
                  "invalid source address '0x1.2.3.4'"),
        malformed("2.1 no name", "PROXY TCP4 localhost 1.2.3.4 1 2\r\n",
                  "invalid source address 'localhost'"),
        malformed("2.1 the family is that of the protocol", "PROXY TCP4 ::1 1.2.3.4 1 2\r\n",
                  "invalid source address '::1'"),
        malformed("2.1 both are of one family", "PROXY TCP6 ::1 1.2.3.4 1 2\r\n",
                  "invalid destination address '1.2.3.4'"),
        malformed("2.1 128 bits", "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n",
                  "invalid source address '1:2:3:4:5:6:7'"),
        malformed("2.1 128 bits", "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n",
                  "invalid source address '1:2:3:4:5:6:7:8:9'"),
        malformed("2.1 one double colon", "PROXY TCP6 1::2::3 ::1 1 2\r\n",
                  "invalid source address '1::2::3'"),
        malformed("2.1 sets of 4 digits", "PROXY TCP6 ::00001 ::1 1 2\r\n",
                  "invalid source address '::00001'"),
        malformed("2.1 no zone", "PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
                  "invalid source address 'fe80::1%lo'"),
        malformed("2.1 no brackets", "PROXY TCP6 [::1] ::1 1 2\r\n",
                  "invalid source address '[::1]'"),
        malformed("2.1 ports to 65535", "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
                  "invalid source port '65536'"),
        malformed("2.1 no leading zero", "PROXY TCP4 1.2.3.4 1.2.3.4 1 080\r\n",
                  "invalid destination port '080'"),
        malformed("2.1 no leading zero", "PROXY TCP4 1.2.3.4 1.2.3.4 00 80\r\n",
                  "invalid source port '00'"),
        malformed("2.1 no sign", "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n", "invalid source port '+1'"),
        malformed("2.1 no sign", "PROXY TCP4 1.2.3.4 1.2.3.4 1 -0\r\n",
                  "invalid destination port '-0'"),
        malformed("2.1 a number", "PROXY TCP4 1.2.3.4 1.2.3.4 http 2\r\n",
                  "invalid source port 'http'"),
        malformed("2.1 no empty port", "PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n",
                  "invalid source port ''"),
        malformed("2.1 a single LF", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
                  "a line feed without a carriage return before it"),
        malformed("2.1 a single LF", "PROXY UNKNOWN\n",
                  "a line feed without a carriage return before it"),
        malformed("2.1 a single CR", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r3\r\n",
                  "invalid destination port '2?3'"),
        malformed("2.1 LF and CR", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n",
                  "a line feed without a carriage return before it"),
        malformed("2.1 a CRLF in the first 107 bytes",
                  "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", "no CRLF within 107 bytes"),
        malformed("2.1 a CRLF in the first 107 bytes", "PROXY TCP4 " + std::string(400, '1'),
                  "no CRLF within 107 bytes"),
        malformed("a zero byte does not end a field",
                  "PROXY TCP4 1.2.3.4" + std::string(1, '\0') + " 1.2.3.4 1 2\r\n",
                  "invalid source address '1.2.3.4?'"),
        malformed("what is quoted cannot rule a terminal",
                  "PROXY TCP4 \x1b[2J\xc3. 1.2.3.4 1 2\r\n", "invalid source address '?[2J?.'"),
    };
    for (const Bad& row : rows) check_bad(row);
}

TEST_CASE("proxy: version 2, addresses and commands that are right") {
    const std::string full(108, 'x');
    const Good rows[] = {
        {"2.2 0x11 TCP over IPv4", tcp4_header(""), with_tlvs({})},
        {"2.2 0x12 UDP over IPv4", binary_header(0x21, 0x12, kIpv4Block),
         header(2, "udp://192.0.2.1:12345", "udp://198.51.100.2:443")},
        {"2.2 0x21 TCP over IPv6", binary_header(0x21, 0x21, kIpv6Block),
         header(2, "[2001:db8::1]:12345", "[2001:db8::2]:443")},
        {"2.2 0x22 UDP over IPv6", binary_header(0x21, 0x22, kIpv6Block),
         header(2, "udp://[2001:db8::1]:12345", "udp://[2001:db8::2]:443")},
        {"2.2 0x31 unix stream", binary_header(0x21, 0x31, unix_field("/run/a") + unix_field("b")),
         unix_header("unix:/run/a", "unix:b")},
        {"2.2 0x32 unix datagram", binary_header(0x21, 0x32, unix_field("/a") + unix_field("/b")),
         unix_header("unix:/a", "unix:/b", true)},
        {"unnamed and abstract",
         binary_header(0x21, 0x31, unix_field("") + unix_field('\0' + std::string("n"))),
         unix_header("unix:", "unix:@n")},
        {"an abstract name with a zero byte counts as unnamed",
         binary_header(0x21, 0x31, unix_field(std::string("\0a\0b", 4)) + unix_field("/b")),
         unix_header("unix:", "unix:/b")},
        {"a path that begins with @",
         binary_header(0x21, 0x31, unix_field("@a") + unix_field("/b")),
         unix_header("unix:./@a", "unix:/b")},
        {"a path ends at the first zero byte",
         binary_header(0x21, 0x31, unix_field(std::string("/a\0junk", 7)) + unix_field("/b")),
         unix_header("unix:/a", "unix:/b")},
        {"2.2 a path that fills the field", binary_header(0x21, 0x31, full + full),
         unix_header(("unix:" + full).c_str(), ("unix:" + full).c_str())},
        {"2.2 IPv4-mapped is IPv4",
         binary_header(
             0x21, 0x21,
             std::string(10, '\0') + "\xff\xff" + bytes_of({192, 0, 2, 1}) + kIpv6Block.substr(16)),
         header(2, "192.0.2.1:12345", "[2001:db8::2]:443")},
        {"2.2 LOCAL", binary_header(0x20, 0x00, ""), local()},
        {"2.2 of LOCAL, family and block are ignored", binary_header(0x20, 0x11, kIpv4Block),
         local()},
        {"2.2 of LOCAL, an unassigned family is ignored", binary_header(0x20, 0xff, "xyz"),
         local()},
        {"2.2 UNSPEC", binary_header(0x21, 0x00, ""), {}},
        {"2.2 the block of UNSPEC is skipped", binary_header(0x21, 0x00, "whatever it is"), {}},
        {"2.2 a family without transport is UNSPEC", binary_header(0x21, 0x10, kIpv4Block), {}},
        {"2.2 a transport without family is UNSPEC", binary_header(0x21, 0x01, kIpv4Block), {}},
        {"the greatest length", binary_header(0x21, 0x00, std::string(65'535, 'x')), {}},
    };
    for (const Good& row : rows) check_good(row);
}

TEST_CASE("proxy: version 2, starts that are wrong") {
    std::string bent = tcp4_header("");
    bent[4] = 'x';
    const std::string start = "the bytes begin with neither 'PROXY ' nor the version 2 signature";
    const Bad rows[] = {
        malformed("2.2 the signature", bent, start),
        malformed("2.2 the signature", "\r\n\r\n" + tcp4_header(""), start),
        malformed("2.2 version 1", binary_header(0x11, 0x11, kIpv4Block), "unknown version 1"),
        malformed("2.2 version 3", binary_header(0x31, 0x11, kIpv4Block), "unknown version 3"),
        malformed("2.2 version 0", binary_header(0x00, 0x11, kIpv4Block), "unknown version 0"),
        malformed("2.2 commands", binary_header(0x22, 0x11, kIpv4Block), "unknown command 2"),
        malformed("2.2 commands", binary_header(0x2f, 0x11, kIpv4Block), "unknown command 15"),
        malformed("2.2 families", binary_header(0x21, 0x41, kIpv4Block),
                  "unknown address family 4"),
        malformed("2.2 families", binary_header(0x21, 0xf0, ""), "unknown address family 15"),
        malformed("2.2 transports", binary_header(0x21, 0x13, kIpv4Block), "unknown transport 3"),
        malformed("2.2 transports", binary_header(0x21, 0x0f, ""), "unknown transport 15"),
        malformed("2.2 room for IPv4", binary_header(0x21, 0x11, kIpv4Block.substr(1)),
                  "its length 11 is too short for the 12 bytes of the addresses"),
        malformed("2.2 room for IPv6", binary_header(0x21, 0x22, kIpv6Block.substr(1)),
                  "its length 35 is too short for the 36 bytes of the addresses"),
        malformed("2.2 room for unix", binary_header(0x21, 0x31, std::string(215, 'x')),
                  "its length 215 is too short for the 216 bytes of the addresses"),
        malformed("2.2 no addresses at all", binary_header(0x21, 0x11, ""),
                  "its length 0 is too short for the 12 bytes of the addresses"),
    };
    for (const Bad& row : rows) check_bad(row);
}

TEST_CASE("proxy: a header above the maximum is refused once its length has come") {
    const std::string largest = binary_header(0x21, 0x00, std::string(kMaxProxyHeader - 16, 'x'));
    CHECK(parse_proxy_header(as_bytes(largest))->size == kMaxProxyHeader);
    const std::string start = binary_header(0x21, 0x00, "", kMaxProxyHeader - 15);
    check_bad({"maximum", start, "4097 bytes, but at most 4096 are allowed: message too large"},
              kMaxProxyHeader);
    CHECK(parse_proxy_header(as_bytes(start)).error() == errc::message_too_large);
    check_bad({"LOCAL too", binary_header(0x20, 0, "", 100),
               "116 bytes, but at most 115 are allowed: message too large"},
              115);
    CHECK(parse_proxy_header(as_bytes("PROXY UNKNOWN\r\n"), 0)->size == 15);
}
