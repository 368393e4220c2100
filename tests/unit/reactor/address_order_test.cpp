#include "resolve/address_order.hpp"

#include "loopback.hpp"

using namespace switchboard;
using namespace switchboard::test;
using detail::Candidate;

namespace {

SocketAddress address(const std::string& host) {
    return Endpoint::tcp(host, 80).addresses().value().front();
}

struct Way {
    std::string destination, source;  // without a source it cannot be reached
};

std::string sorted(const std::vector<Way>& ways) {
    std::vector<Candidate> candidates;
    for (const Way& way : ways) {
        Candidate c{address(way.destination), {}};
        if (!way.source.empty()) c.source = address(way.source);
        candidates.push_back(c);
    }
    detail::sort_by_preference(candidates);
    std::string text;
    for (const Candidate& c : candidates) text += Endpoint::from(c.destination).host() + " ";
    return text;
}

}  // namespace

// The examples of RFC 6724, section 10.2, with the sources given there.
TEST_CASE("address order: the examples of RFC 6724") {
    CHECK(sorted({{"2001:db8:1::1", "2001:db8::2"}, {"198.51.100.121", "169.254.13.78"}}) ==
          "2001:db8:1::1 198.51.100.121 ");
    CHECK(sorted({{"2001:db8:1::1", "fe80::1"}, {"198.51.100.121", "198.51.100.117"}}) ==
          "198.51.100.121 2001:db8:1::1 ");
    CHECK(sorted({{"10.1.2.3", "10.1.2.4"}, {"2001:db8:1::1", "2001:db8::2"}}) ==
          "2001:db8:1::1 10.1.2.3 ");
    CHECK(sorted({{"2001:db8:1::1", "2001:db8::2"}, {"fe80::1", "fe80::2"}}) ==
          "fe80::1 2001:db8:1::1 ");
    CHECK(sorted({{"2001:db8:1::1", "2001:db8:1::2"}, {"2001:db8:3ffe::1", "2001:db8:3f44::2"}}) ==
          "2001:db8:1::1 2001:db8:3ffe::1 ");
    CHECK(sorted({{"2002:c633:6401::1", "2002:c633:6401::2"},
                  {"2001:db8:1::1", "2002:c633:6401::2"}}) == "2002:c633:6401::1 2001:db8:1::1 ");
    CHECK(sorted({{"2002:c633:6401::1", "2002:c633:6401::2"},
                  {"2001:db8:1::1", "2001:db8:1::2"}}) == "2001:db8:1::1 2002:c633:6401::1 ");
}

TEST_CASE("address order: unreachable addresses come last, and equal ones keep their order") {
    CHECK(sorted({{"2001:db8:1::1", ""}, {"192.0.2.2", "192.0.2.1"}, {"::1", ""}}) ==
          "192.0.2.2 ::1 2001:db8:1::1 ");
    CHECK(sorted({{"192.0.2.200", "192.0.2.1"}, {"192.0.2.2", "192.0.2.1"}}) ==
          "192.0.2.200 192.0.2.2 ");
}

TEST_CASE("address order: asks the system for sources, and sends nothing") {
    const auto ordered = detail::in_order({address("127.0.0.1"), address("127.0.0.2")});
    REQUIRE(ordered.size() == 2);
    CHECK(Endpoint::from(ordered[0]).host() == "127.0.0.1");
    CHECK(detail::in_order({}).empty());
}
