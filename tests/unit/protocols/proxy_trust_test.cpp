// Which peers may send a PROXY header: lists of addresses and networks.
#include <doctest/doctest.h>

#include <ostream>
#include <switchboard/proxy.hpp>

using namespace switchboard;

namespace {

bool trusts(const char* list, const char* peer) {
    const auto trust = ProxyTrust::parse(list);
    REQUIRE_MESSAGE(trust, trust.error().message());
    return trust->trusts(Endpoint::parse(peer).value());
}

std::string fault(const std::string& list) {
    const auto trust = ProxyTrust::parse(list);
    REQUIRE_FALSE(trust);
    CHECK(trust.error() == errc::bad_option);
    return trust.error().message();
}

}  // namespace

TEST_CASE("proxy trust: which peers a list trusts") {
    struct Row {
        const char* list;
        const char* peer;
        bool trusted;
    };
    const Row rows[] = {
        {"127.0.0.1", "127.0.0.1:5", true},
        {"127.0.0.1", "127.0.0.2:5", false},
        {"127.0.0.1", "udp://127.0.0.1:5", true},
        {"127.0.0.1", "[::1]:5", false},
        {"10.0.0.0/8", "10.255.255.255:5", true},
        {"10.0.0.0/8", "11.0.0.0:5", false},
        {"10.0.0.0/8", "9.255.255.255:5", false},
        {"172.16.0.0/12", "172.31.255.255:5", true},
        {"172.16.0.0/12", "172.32.0.0:5", false},
        {"192.0.2.128/25", "192.0.2.128:5", true},
        {"192.0.2.128/25", "192.0.2.127:5", false},
        {"192.0.2.4/31", "192.0.2.5:5", true},
        {"192.0.2.4/31", "192.0.2.6:5", false},
        {"192.0.2.4/32", "192.0.2.5:5", false},
        {"0.0.0.0/0", "255.1.2.3:5", true},
        {"0.0.0.0/0", "[::1]:5", false},
        {"0.0.0.0/0", "unix:/a", false},
        {"::1", "[::1]:5", true},
        {"0:0::1", "[::1]:5", true},
        {"::1", "127.0.0.1:5", false},
        {"fd00::/8", "[fdff::1]:5", true},
        {"fd00::/8", "[fe00::1]:5", false},
        {"2001:db8::/33", "[2001:db8:7fff::1]:5", true},
        {"2001:db8::/33", "[2001:db8:8000::1]:5", false},
        {"2001:db8::1/128", "[2001:db8::2]:5", false},
        {"fe80::/10", "[fe80::1%3]:5", true},
        {"::/0", "[2001:db8::1]:5", true},
        {"::/0", "127.0.0.1:5", false},
        {"::/0", "unix:/a", false},
        {"::/64", "127.0.0.1:5", false},
        {"10.0.0.0/8", "[::ffff:10.1.2.3]:5", true},
        {"::ffff:10.1.2.3", "10.1.2.3:5", true},
        {"::ffff:10.0.0.0/104", "10.1.2.3:5", true},
        {"::ffff:10.0.0.0/104", "11.1.2.3:5", false},
        {"::ffff:0:0/96", "11.1.2.3:5", true},
        {"::ffff:0:0/96", "[::1]:5", false},
        {"unix", "unix:/a", true},
        {"unix", "unix:", true},
        {"unix", "127.0.0.1:5", false},
        {"any", "127.0.0.1:5", true},
        {"any", "[::1]:5", true},
        {"any", "unix:", true},
        {"any,10.0.0.1", "10.0.0.2:5", true},
        {"10.0.0.1,unix,fd00::/8", "10.0.0.1:5", true},
        {"10.0.0.1,unix,fd00::/8", "[fd00::1]:5", true},
        {"10.0.0.1,unix,fd00::/8", "unix:/a", true},
        {"10.0.0.1,unix,fd00::/8", "10.0.0.2:5", false},
        {"127.0.0.1", "localhost:5", false},
        {"0.0.0.0/0,::/0,unix", "*:5", false},
        {"0.0.0.0/0,::/0,unix", "fd:3", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.list);
        CAPTURE(row.peer);
        CHECK(trusts(row.list, row.peer) == row.trusted);
    }
}

TEST_CASE("proxy trust: without a list no peer is trusted") {
    CHECK_FALSE(ProxyTrust().trusts(Endpoint::tcp("127.0.0.1", 5)));
    CHECK_FALSE(ProxyTrust().trusts(Endpoint::unix_path("/a")));
    CHECK_FALSE(ProxyTrust().trusts(Endpoint()));
}

TEST_CASE("proxy trust: an invalid entry is named with its fault") {
    const std::string what = ": expected an address, a network, 'unix' or 'any': bad option";
    for (const char* const entry :
         {"", "localhost", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.0.0/8", " ::1", "::1 ",
          "[::1]", "fe80::1%lo", "10.0.0.1:80", "/8", "Any", "unix:/a", "*"})
        CHECK(fault(entry) == "trusted source '" + std::string(entry) + "'" + what);
    CHECK(fault("127.0.0.1,,::1") == "trusted source ''" + what);
    CHECK(fault("127.0.0.1,") == "trusted source ''" + what);
    CHECK(fault("127.0.0.1, ::1") == "trusted source ' ::1'" + what);
    CHECK(fault("a\nb") == "trusted source 'a?b'" + what);
    for (const char* const entry :
         {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/08",
          "10.0.0.0/255.0.0.0", "10.0.0.0/99999999999999999999"})
        CHECK(fault(entry) == "trusted source '" + std::string(entry) +
                                  "': the prefix length must be a number from 0 to 32: bad option");
    CHECK(fault("fd00::/129") ==
          "trusted source 'fd00::/129': the prefix length must be a number from 0 to 128: bad "
          "option");
}

TEST_CASE("proxy trust: bits after the prefix are refused, with the network that is meant") {
    const auto meant = [](const std::string& entry) {
        const std::string text = fault(entry);
        const std::string start =
            "trusted source '" + entry + "': bits are set after the prefix; the network is ";
        REQUIRE(text.substr(0, start.size()) == start);
        return text.substr(start.size());
    };
    CHECK(meant("10.1.2.3/8") == "10.0.0.0/8: bad option");
    CHECK(meant("10.0.0.1/0") == "0.0.0.0/0: bad option");
    CHECK(meant("192.0.2.5/31") == "192.0.2.4/31: bad option");
    CHECK(meant("2001:db8::1/32") == "2001:db8::/32: bad option");
    CHECK(meant("::ffff:10.1.2.3/104") == "10.0.0.0/8: bad option");
    CHECK(meant("::ffff:10.0.0.0/80") == "::/80: bad option");
}
