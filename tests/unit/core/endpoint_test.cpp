#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <array>
#include <random>
#include <string>
#include <switchboard/endpoint.hpp>
#include <switchboard/socket.hpp>

using namespace switchboard;
using Kind = Endpoint::Kind;

namespace {

Endpoint parsed(std::string_view text) {
    const auto endpoint = Endpoint::parse(text);
    REQUIRE_MESSAGE(endpoint.has_value(), endpoint.error().message());
    return *endpoint;
}

std::string refused(std::string_view text) {
    const auto endpoint = Endpoint::parse(text);
    REQUIRE_MESSAGE(!endpoint.has_value(), text);
    CHECK(endpoint.error() == errc::bad_endpoint);
    return endpoint.error().message();
}

std::vector<std::string> printed(const Result<std::vector<SocketAddress>>& addresses) {
    REQUIRE_MESSAGE(addresses.has_value(), addresses.error().message());
    std::vector<std::string> texts;
    for (const auto& address : *addresses) texts.push_back(Endpoint::from(address).to_string());
    return texts;
}

using Texts = std::vector<std::string>;
using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t bound) {
    return random() % bound;
}

std::string random_text(Random& random, std::string_view alphabet, std::size_t most) {
    std::string text(1 + below(random, most), ' ');
    for (char& c : text) c = alphabet[below(random, alphabet.size())];
    return text;
}

std::string random_ip(Random& random, int family) {
    std::array<unsigned char, 16> bytes{};
    for (auto& byte : bytes)
        if (below(random, 3) != 0) byte = static_cast<unsigned char>(random());
    std::array<char, INET6_ADDRSTRLEN> text{};
    REQUIRE(inet_ntop(family, bytes.data(), text.data(), text.size()) != nullptr);
    return text.data();
}

Endpoint random_endpoint(Random& random) {
    constexpr std::string_view kName = "abcxyzABC0189-_";
    constexpr std::string_view kPath = "abc/.: \xc3\xa4%[]@#?*\n-";
    const auto port = static_cast<std::uint16_t>(random());
    switch (below(random, 10)) {
        case 6: return Endpoint::udp("*", port);
        case 7: return Endpoint::udp(random_ip(random, AF_INET), port);
        case 8: return Endpoint::udp(random_ip(random, AF_INET6), port);
        case 0: return Endpoint::tcp("*", port);
        case 1: return Endpoint::tcp(random_ip(random, AF_INET), port);
        case 2: return Endpoint::tcp(random_ip(random, AF_INET6), port);
        case 3: return Endpoint::tcp(random_ip(random, AF_INET6) + "%eth0", port);
        case 4: return Endpoint::unix_path(random_text(random, kPath, 150));
        case 5: return Endpoint::descriptor(static_cast<int>(below(random, 1U << 31U)));
        default: return Endpoint::tcp(random_text(random, kName, 60) + ".example", port);
    }
}

}  // namespace

TEST_CASE("endpoint: every form of a TCP endpoint parses to the same value and prints one way") {
    for (const std::string text : {"127.0.0.1:80", "tcp://127.0.0.1:80", "tcp://127.0.0.1:080"}) {
        const Endpoint endpoint = parsed(text);
        CHECK(endpoint.kind() == Kind::tcp);
        CHECK(endpoint.host() == "127.0.0.1");
        CHECK(endpoint.port() == 80);
        CHECK(endpoint.fd() == -1);
        CHECK(endpoint.to_string() == "tcp://127.0.0.1:80");
    }
    for (const std::string text : {":80", "*:80", "tcp://:80", "tcp://*:80"}) {
        CHECK(parsed(text) == Endpoint::tcp("*", 80));
        CHECK(parsed(text).to_string() == "tcp://*:80");
    }
    CHECK(parsed("localhost:0").to_string() == "tcp://localhost:0");
    CHECK(parsed("tcp://example.org:65535").to_string() == "tcp://example.org:65535");
    CHECK(parsed("my_host-1.b\xc3\xbc"
                 "cher.example:1")
              .host() ==
          "my_host-1.b\xc3\xbc"
          "cher.example");
}

TEST_CASE("endpoint: IPv6 is in brackets, has one spelling, and keeps its zone") {
    CHECK(parsed("[::1]:80").host() == "::1");
    CHECK(parsed("[::1]:80").to_string() == "tcp://[::1]:80");
    CHECK(parsed("tcp://[0:0::0:1]:80") == parsed("[::1]:80"));
    CHECK(parsed("[2001:DB8::A]:80").to_string() == "tcp://[2001:db8::a]:80");
    CHECK(parsed("tcp://[fe80::1%eth0]:1").host() == "fe80::1%eth0");
    CHECK(parsed("tcp://[fe80::1%eth0]:1").to_string() == "tcp://[fe80::1%eth0]:1");
    CHECK(parsed("[::ffff:1.2.3.4]:5").to_string() == "tcp://[::ffff:1.2.3.4]:5");
    CHECK(parsed("[::]:80") != parsed(":80"));
}

TEST_CASE("endpoint: unix paths and descriptors") {
    for (const std::string text : {"unix:/run/x.sock", "unix:///run/x.sock", "unix://run/x.sock"}) {
        CHECK(parsed(text).kind() == Kind::unix_path);
        CHECK(parsed(text).path() == "/run/x.sock");
        CHECK(parsed(text).to_string() == "unix:/run/x.sock");
    }
    CHECK(parsed("unix:x.sock").path() == "x.sock");
    CHECK(parsed("unix:./a b:80").path() == "./a b:80");
    CHECK(parsed("unix:/a//b/").path() == "/a//b/");
    CHECK(parsed("unix:").path().empty());
    CHECK(parsed("fd:3").kind() == Kind::descriptor);
    CHECK(parsed("fd:3").fd() == 3);
    CHECK(parsed("fd:3").to_string() == "fd:3");
}

TEST_CASE("endpoint: udp requires its scheme, has the forms of tcp, and differs from tcp") {
    CHECK(parsed("udp://127.0.0.1:53").kind() == Kind::udp);
    CHECK(parsed("udp://127.0.0.1:53") == Endpoint::udp("127.0.0.1", 53));
    CHECK(parsed("udp://127.0.0.1:53") != Endpoint::tcp("127.0.0.1", 53));
    CHECK(parsed("udp://127.0.0.1:053").to_string() == "udp://127.0.0.1:53");
    CHECK(parsed("udp://[0::1]:53").to_string() == "udp://[::1]:53");
    CHECK(parsed("udp://:53").to_string() == "udp://*:53");
    CHECK(parsed("udp://*:53").with_port(54).to_string() == "udp://*:54");
    CHECK(parsed("udp://example.org:53").host() == "example.org");
    CHECK(printed(parsed("udp://:80").addresses()) == Texts{"tcp://[::]:80", "tcp://0.0.0.0:80"});
    CHECK(refused("udp://::1:53") ==
          "'udp://::1:53': an IPv6 address stands in brackets, as in [::1]:80: bad endpoint");
    CHECK(refused("udp://127.0.0.1") == "'udp://127.0.0.1': the port is missing: bad endpoint");
    const auto any = *parsed("127.0.0.1:80").addresses();
    CHECK(Endpoint::from(any.front(), Kind::udp).to_string() == "udp://127.0.0.1:80");
}

TEST_CASE("endpoint: a value that compares and copies") {
    CHECK(Endpoint().kind() == Kind::none);
    CHECK(Endpoint().to_string().empty());
    CHECK(Endpoint::tcp("a", 1) != Endpoint::tcp("a", 2));
    CHECK(Endpoint::tcp("a", 1) != Endpoint::tcp("b", 1));
    CHECK(Endpoint::tcp("a", 1) != Endpoint::unix_path("a"));
    CHECK(Endpoint::tcp("a", 1).with_port(7) == Endpoint::tcp("a", 7));
    CHECK(Endpoint::unix_path("/a").with_port(7) == Endpoint::unix_path("/a"));
    CHECK(Endpoint::descriptor(3).with_port(7) == Endpoint::descriptor(3));
    CHECK(Endpoint::tcp("", 80) == Endpoint::tcp("*", 80));
}

TEST_CASE("endpoint: errors say what is wrong, and name the text") {
    for (const std::string text : {"x:65536", "tcp://x:99999", "x:-1", "x:+1", "x: 1", "x:1 ",
                                   "x:1x", "x:http", "[::1]:99999999999", "tcp://x:80/"})
        CHECK(refused(text) ==
              "'" + text + "': the port must be a number from 0 to 65535: bad endpoint");
    for (const std::string text : {"x:", "tcp://x:", "[::1]:", ":", "localhost", "127.0.0.1", "80"})
        CHECK(refused(text) == "'" + text + "': the port is missing: bad endpoint");
    for (const std::string text : {"::1:80", "::", "::1", "tcp://fe80::1:80"})
        CHECK(refused(text) ==
              "'" + text + "': an IPv6 address stands in brackets, as in [::1]:80: bad endpoint");
    for (const std::string text :
         {"[]:80", "[x]:80", "[127.0.0.1]:80", "[::1%]:80", "[1::2::3]:80"})
        CHECK(refused(text) ==
              "'" + text + "': the brackets do not contain an IPv6 address: bad endpoint");
    for (const std::string text : {"[::1]", "[::1]80", "tcp://[::1]x:80"})
        CHECK(refused(text) == "'" + text + "': ':' and a port must follow the ']': bad endpoint");
    for (const std::string text : {"a b:80", "a/b:80", "[:80x", "user@host:80", "**:80", "a%b:1"})
        CHECK(refused(text).starts_with("'" + text + "': the "));
    for (const std::string text : {"256.1.1.1:80", "1.2.3:80", "127.1:80", "1.2.3.4.5:80", "7:80",
                                   "0177.0.0.1:80", "2130706433:80", "0x7f000001:80", "127.0x1:80",
                                   "0X7F.0.0.0x1:80", "a.0x:80", "1.2.3.4.:80"})
        CHECK(refused(text) == "'" + text + "': not a valid IPv4 address: bad endpoint");
    for (const std::string text : {"fd:", "fd:-1", "fd:x", "fd:3 ", "fd:99999999999"})
        CHECK(refused(text) ==
              "'" + text + "': the descriptor must be a number from 0: bad endpoint");
    for (const std::string text : {"http://x:80", "UDP://x:80", "TCP://x:80", "://x:80"})
        CHECK(refused(text) ==
              "'" + text + "': the scheme must be tcp://, udp://, unix: or fd:: bad endpoint");
    CHECK(refused("[::1:80") == "'[::1:80': the closing ']' is missing: bad endpoint");
    CHECK(refused("") == "'': the endpoint is empty: bad endpoint");
    CHECK(refused("a\nb:\t1").starts_with("'a?b:?1': "));
}

TEST_CASE("endpoint: a random endpoint prints as text that parses to the same value") {
    const std::uint64_t seed = std::random_device()();
    CAPTURE(seed);
    Random random(seed);
    for (int run = 0; run < 20'000; ++run) {
        const Endpoint endpoint = random_endpoint(random);
        const std::string text = endpoint.to_string();
        CAPTURE(text);
        const auto again = Endpoint::parse(text);
        REQUIRE(again.has_value());
        REQUIRE(*again == endpoint);
        REQUIRE(again->to_string() == text);
    }
}

TEST_CASE("endpoint: random text is refused in one line, or printed so that it parses again") {
    const std::uint64_t seed = std::random_device()();
    CAPTURE(seed);
    Random random(seed);
    const std::array<std::string, 6> starts{"", "tcp://", "unix:", "udp://", "[", "udp://["};
    for (int run = 0; run < 50'000; ++run) {
        std::string text = starts[below(random, starts.size())];
        text += random_text(random, ":]%/.*[0123456789abcdef-\n\xff", 12);
        CAPTURE(text);
        const auto endpoint = Endpoint::parse(text);
        if (endpoint)
            REQUIRE(Endpoint::parse(endpoint->to_string()) == endpoint);
        else
            REQUIRE(endpoint.error().message().find('\n') == std::string::npos);
    }
}

TEST_CASE("endpoint: literals and any address need no look-up") {
    CHECK(printed(parsed("127.0.0.1:80").addresses()) == Texts{"tcp://127.0.0.1:80"});
    CHECK(printed(parsed("[::1]:80").addresses()) == Texts{"tcp://[::1]:80"});
    CHECK(printed(parsed(":80").addresses()) == Texts{"tcp://[::]:80", "tcp://0.0.0.0:80"});
    CHECK(printed(parsed(":80").resolve()) == Texts{"tcp://[::]:80", "tcp://0.0.0.0:80"});
    CHECK(printed(parsed("unix:/a/b").addresses()) == Texts{"unix:/a/b"});
    CHECK(printed(parsed("unix:relative").resolve()) == Texts{"unix:relative"});
    CHECK(printed(parsed("localhost:80").addresses()).empty());
}

TEST_CASE("endpoint: a zone becomes the interface's index, and the index its name again") {
    std::array<char, IF_NAMESIZE> name{};
    REQUIRE(if_indextoname(1, name.data()) != nullptr);
    const std::string text = "tcp://[fe80::1%" + std::string(name.data()) + "]:5";
    const auto addresses = parsed(text).addresses();
    REQUIRE(addresses.has_value());
    const auto* address = reinterpret_cast<const sockaddr_in6*>(addresses->front().data());
    CHECK(address->sin6_scope_id == 1);
    CHECK(Endpoint::from(addresses->front()).to_string() == text);
    CHECK(printed(parsed("[fe80::1%1]:5").addresses()) == Texts{text});
    CHECK(printed(parsed("[fe80::1%4000000]:5").addresses()) == Texts{"tcp://[fe80::1%4000000]:5"});
    const auto unknown = parsed("[fe80::1%nosuch]:5").addresses();
    REQUIRE_FALSE(unknown.has_value());
    CHECK(unknown.error().message() == "resolve tcp://[fe80::1%nosuch]:5: no such device");
}

TEST_CASE("endpoint: names are resolved, with the port") {
    const auto localhost = printed(parsed("localhost:80").resolve());
    REQUIRE_FALSE(localhost.empty());
    for (const auto& text : localhost)
        CHECK((text == "tcp://127.0.0.1:80" || text == "tcp://[::1]:80"));
    const auto unknown = parsed("no.such.host.invalid:80").resolve();
    REQUIRE_FALSE(unknown.has_value());
    CHECK(unknown.error().code().category() == resolver_category());
    CHECK(unknown.error().message().starts_with("resolve tcp://no.such.host.invalid:80: "));
    CHECK(Error({EAI_NONAME, resolver_category()}).message() == "name or service not known");
    using namespace std::string_literals;
    const auto cut = Endpoint::tcp("localhost\0.example"s, 80).resolve();
    CHECK(cut.error() == std::error_code(EAI_NONAME, resolver_category()));
}

TEST_CASE(
    "endpoint: a host that ends in a number is an address or an error, and is never looked up") {
    for (const char* host :
         {"127.1", "0177.0.0.1", "2130706433", "0x7f000001", "127.0x1", "0x7F.1", "1.2.3.4."}) {
        const Endpoint at = Endpoint::tcp(host, 80);
        const std::string told = "resolve " + at.to_string() + ": name or service not known";
        CHECK(at.addresses().map_error(&Error::message).error() == told);
        CHECK(at.resolve().map_error(&Error::message).error() == told);
    }
    for (const char* name : {"x0x1", "0x1g", "a.0xg", "1.example", "0x1.example.", "deadbeef"})
        CHECK(printed(Endpoint::tcp(name, 80).addresses()).empty());
}

TEST_CASE("endpoint: a path and an abstract name may be as long as the system allows") {
    const sockaddr_un* none = nullptr;
    const std::size_t most = sizeof none->sun_path - 1;
    for (const char* start : {"", "@"}) {
        const Endpoint whole = Endpoint::unix_path(start + std::string(most, 'x'));
        REQUIRE(whole.resolve().has_value());
        CHECK(Endpoint::from(whole.resolve()->front()) == whole);
        const Endpoint longer = Endpoint::unix_path(start + std::string(most + 1, 'x'));
        CHECK(longer.resolve().error() == std::errc::filename_too_long);
    }
}

TEST_CASE("endpoint: resolving an endpoint without an address is an error") {
    CHECK(parsed("unix:").resolve().error() == std::errc::invalid_argument);
    CHECK(parsed("fd:3").resolve().error() == errc::unsupported);
    CHECK(parsed("fd:3").addresses().error().message() == "resolve fd:3: not supported here");
    CHECK(Endpoint().resolve().error() == errc::bad_endpoint);
}

TEST_CASE("endpoint: from a socket address") {
    sockaddr_in6 mapped{};
    mapped.sin6_family = AF_INET6;
    mapped.sin6_port = htons(80);
    REQUIRE(inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped.sin6_addr) == 1);
    const SocketAddress address(reinterpret_cast<const sockaddr*>(&mapped), sizeof mapped);
    CHECK(Endpoint::from(address).to_string() == "tcp://192.0.2.1:80");

    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const auto* data = reinterpret_cast<const sockaddr*>(&name);
    CHECK(Endpoint::from({data, sizeof(sa_family_t)}) == Endpoint::unix_path(""));
    name.sun_path[1] = 'a';  // an abstract name
    CHECK(Endpoint::from({data, sizeof(sa_family_t) + 2}) == Endpoint::unix_path("@a"));
    CHECK(Endpoint::from({data, sizeof(sa_family_t) + 3}) == Endpoint::unix_path(""));  // "a\0"
    name.sun_path[0] = '@';  // a file of that name, which must not pass for an abstract one
    CHECK(Endpoint::from({data, sizeof(sa_family_t) + 2}) == Endpoint::unix_path("./@a"));
    name.sun_path[0] = '/';  // not terminated, as the system may hand it over
    CHECK(Endpoint::from({data, sizeof(sa_family_t) + 2}) == Endpoint::unix_path("/a"));
    CHECK(Endpoint::from(SocketAddress()) == Endpoint());
}
