// The PROXY protocol with other programs: curl sends headers, and so does haproxy in front of a server.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <fstream>
#include <loopback.hpp>

#include "server.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

const std::string kForged = "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n";
const std::string kHaproxy = "/usr/sbin/haproxy";

std::string example() {
    return SWITCHBOARD_BIN "/examples/behind_proxy";
}

std::string port_of(const std::string& endpoint) {
    return endpoint.substr(endpoint.rfind(':') + 1);
}

// Returns the output of curl(1). A gopher URL sends one line and prints everything that comes back.
Finished curl(std::vector<std::string> arguments, const std::string& port) {
    arguments.insert(arguments.begin(), {"curl", "-sS", "--max-time", "30"});
    arguments.push_back("gopher://127.0.0.1:" + port + "/");
    return support::run(arguments);
}

// Returns the output of socat(1), which connects from `address`, one of this machine's own.
std::string ask_from(const std::string& address, const std::string& port,
                     const std::string& input) {
    const Finished asked =
        support::run({"socat", "-t30", "-", "TCP:127.0.0.1:" + port + ",bind=" + address}, input);
    CHECK(asked.errors == "");
    return asked.output;
}

// haproxy in front of a server. It gets a socket that already listens. So a client that connects before
// haproxy is ready waits.
class Haproxy {
public:
    Haproxy(const std::string& port, const std::string& send) : process_(configure(port, send)) {}
    std::string port() const { return std::to_string(front_.at.port()); }

private:
    std::vector<std::string> configure(const std::string& port, const std::string& send) {
        REQUIRE(::fcntl(front_.socket.fd(), F_SETFD, 0) == 0);
        std::ofstream(folder_ / "haproxy.cfg")
            << "defaults\n  mode tcp\n  timeout connect 30s\n  timeout client 30s\n"
            << "  timeout server 30s\nfrontend front\n  bind fd@" << front_.socket.fd()
            << "\n  default_backend back\nbackend back\n  server one 127.0.0.1:" << port << " "
            << send << "\n";
        return {kHaproxy, "-db", "-q", "-f", folder_ / "haproxy.cfg"};
    }

    test::TempDir folder_;
    test::Listener front_;
    Process process_;
};

// Sends the text repeatedly until the other side receives it.
bool hears_in_the_end(const Socket& from, Socket& to, const std::string& text) {
    REQUIRE(to.set_blocking(Blocking::no));
    std::vector<std::byte> heard(text.size());
    return support::eventually([&] {
               REQUIRE(from.send_all(as_bytes(text)));
               return to.receive(heard).value_or(std::size_t{0}) > 0;
           }) &&
           as_text(heard) == text;
}

}  // namespace

TEST_CASE("proxy: under every driver curl's header is required, and removed") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        const Server server(
            {"daytime", "--driver", driver, "--proxy-protocol", "10.0.0.0/8,127.0.0.1"});
        const Finished told = curl({"--haproxy-protocol"}, server.port());
        CHECK(told.errors == "");
        CHECK(told.output.ends_with("\r\n"));
        // curl's line break alone may begin a header of version 2, so the server would wait for the rest.
        const Finished bare = curl({}, server.port() + "/_none");
        CHECK(bare.status != 0);
        CHECK(bare.output == "");
    }
}

TEST_CASE("proxy: who is trusted names the client, and who is not sends data") {
    const Server trusting({"echo", "--proxy-protocol", "127.0.0.1"});
    CHECK(ask_from("127.0.0.1", trusting.port(), kForged + "hello") == "hello");
    CHECK(ask_from("127.0.0.7", trusting.port(), kForged + "hello") == kForged + "hello");
    const Server nobody({"echo"});
    CHECK(ask_from("127.0.0.1", nobody.port(), kForged + "hello") == kForged + "hello");
}

TEST_CASE("proxy: the handler sees the client's address, and a forged header does not change it") {
    Process server({example()});
    const std::string port = port_of(server.read_line());
    CHECK(ask_from("127.0.0.1", port, kForged) == "you are tcp://192.0.2.1:12345\n");
    CHECK(ask_from("127.0.0.7", port, kForged).starts_with("you are tcp://127.0.0.7:"));
    const Finished told = curl({"--haproxy-protocol", "--write-out", "%{local_port}"}, port);
    const std::string name = "you are tcp://127.0.0.1:";
    REQUIRE(told.output.starts_with(name));
    const std::string rest = told.output.substr(name.size());
    const std::string seen = rest.substr(0, rest.find('\n'));
    CHECK(rest == seen + "\n" + seen);
}

TEST_CASE("proxy: behind haproxy the handler sees the client's address, by either version") {
    if (!test::machine_has(kHaproxy)) return;
    Process server({example()});
    const std::string port = port_of(server.read_line());
    for (const char* const send :
         {"send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"}) {
        CAPTURE(send);
        const Haproxy front(port, send);
        CHECK(ask_from("127.0.0.7", front.port(), "").starts_with("you are tcp://127.0.0.7:"));
        CHECK(ask_from("127.0.0.8", front.port(), kForged).starts_with("you are tcp://127.0.0.8:"));
        const Finished told = curl({"--interface", "127.0.0.9"}, front.port());
        CHECK(told.output.starts_with("you are tcp://127.0.0.9:"));
    }
}

TEST_CASE("proxy: behind haproxy, every driver serves what the client sent") {
    if (!test::machine_has(kHaproxy)) return;
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        const Server server({"echo", "--driver", driver, "--proxy-protocol", "127.0.0.1"});
        const Haproxy front(server.port(), "send-proxy-v2");
        CHECK(ask_from("127.0.0.7", front.port(), kForged + "hello") == kForged + "hello");
    }
}

TEST_CASE("proxy: a relay and a hub behind a proxy, throttled as well") {
    const Server echo({"echo"});
    const std::vector<std::string> layers = {"--proxy-protocol", "127.0.0.1", "--throttle-out",
                                             "1M"};
    std::vector<std::string> relay = {"relay", "--option", "target=" + echo.endpoint()};
    relay.insert(relay.end(), layers.begin(), layers.end());
    const Server relaying(relay);
    CHECK(ask_from("127.0.0.1", relaying.port(), kForged + "hello") == "hello");
    std::vector<std::string> hub = {"hub"};
    hub.insert(hub.end(), layers.begin(), layers.end());
    const Server meeting(hub);
    const Socket first = meeting.connect();
    Socket second = meeting.connect();
    REQUIRE(first.send_all(as_bytes(kForged)));
    REQUIRE(second.send_all(as_bytes(kForged)));
    CHECK(hears_in_the_end(first, second, "hello\n"));  // so both have joined the hub
    REQUIRE(second.send_all(as_bytes("good day\n")));
    CHECK(receive(first, 9) == "good day\n");
}

TEST_CASE("proxy: what is not a list of sources, or has no connections, is refused by name") {
    check_refused({"echo", "--proxy-protocol", "10.0.0.0/33"},
                  "--proxy-protocol 10.0.0.0/33: trusted source '10.0.0.0/33': "
                  "the prefix length must be a number from 0 to 32");
    check_refused({"echo", "--proxy-protocol", "proxy.example"},
                  "--proxy-protocol proxy.example: trusted source 'proxy.example': "
                  "expected an address, a network, 'unix' or 'any'");
    check_refused({"echo", "--listen", "udp://127.0.0.1:0", "--proxy-protocol", "any"},
                  "--proxy-protocol any: applies to connections only, not to datagrams");
    CHECK(programs::switchboard({"serve", "--help"}).output.find("--proxy-protocol FROM") !=
          std::string::npos);
}
