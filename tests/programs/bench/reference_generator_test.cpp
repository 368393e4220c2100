// bare-load, the generator that is written by hand and serves as the reference for `switchboard-bench load`.
#include <doctest/doctest.h>

#include <process.hpp>
#include <sstream>

#include "bench.hpp"

using namespace switchboard;
using namespace switchboard::support;
using namespace switchboard::test;

namespace {

const std::string kLoad = SWITCHBOARD_BIN "/bare-load";

class BareEpoll {
public:
    explicit BareEpoll(std::vector<std::string> command) : process_(std::move(command)) {
        const std::string line = process_.read_line();
        const auto from = line.find(" on ") + 4;
        endpoint = line.substr(from, line.find(" (") - from);
    }
    std::string endpoint;

private:
    Process process_;
};

// Runs it against a listener that accepts one connection, reads 64 bytes and replies with `reply` bytes.
Finished load_against(std::size_t reply) {
    const Socket listener = *listen(*Endpoint::parse("127.0.0.1:0"));
    Process load({kLoad, listener.local()->to_string(), "1", "64", "5"});
    {
        const Socket peer = *listener.accept();
        std::array<std::byte, 64> bytes{};
        for (std::size_t got = 0; got < bytes.size();)
            got += *peer.receive(MutableBytes(bytes).subspan(got));
        std::vector<std::byte> all(bytes.begin(), bytes.end());
        all.resize(reply, bytes[0]);
        REQUIRE(peer.send_all(all));
    }
    return load.wait();
}

}  // namespace

TEST_CASE("bench bare-load: counts, times and checks the exchanges of its connections") {
    const BenchFolder folder;
    const std::string bare_epoll = SWITCHBOARD_BIN "/bare-epoll";
    const BareEpoll tcp({bare_epoll}), unix_socket({bare_epoll, "unix:" + folder.file("sock")});
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{kLoad, tcp.endpoint, "1", "64", "0.2"},
          {kLoad, tcp.endpoint, "3", "131036", "0.2", "4"},
          {kLoad, unix_socket.endpoint, "10", "64", "0.2", "16"}}) {
        const auto done = run(arguments);
        CAPTURE(done.output);
        CAPTURE(done.errors);
        CHECK(done.status == 0);
        std::istringstream line(done.output);
        std::string exchanges, p50, us, p99;
        double rate = 0, median = 0, tail = 0;
        line >> exchanges >> rate >> p50 >> median >> us >> p99 >> tail;
        CHECK((exchanges == "exchanges/s" && p50 == "p50" && p99 == "p99"));
        CHECK(std::count(done.output.begin(), done.output.end(), '\n') == 1);
        // By Little's law the mean latency is in_flight / rate. The median is at most twice the mean.
        const double in_flight =
            std::stod(arguments[2]) * std::stod(arguments.size() > 5 ? arguments[5] : "1");
        CHECK(rate > 10);
        CHECK(median > 1);
        CHECK(median < 2.1e6 * in_flight / rate);
        CHECK(tail >= median);
    }
}

TEST_CASE("bench bare-load: a wrong byte, an extra byte and a lost connection fail the run") {
    const FaultyEcho faulty;
    const auto wrong = run({kLoad, faulty.endpoint().to_string(), "1", "64", "5"});
    CHECK(wrong.status == 1);
    CHECK(wrong.errors == "bare-load: wrong bytes came back\n");
    const auto too_many = load_against(65);
    CHECK(too_many.status == 1);
    CHECK(too_many.errors == "bare-load: wrong bytes came back\n");
    const auto lost = load_against(63);
    CHECK(lost.status == 1);
    CHECK(lost.errors == "bare-load: the server closed a connection\n");
    for (const auto& each : {wrong, too_many, lost}) CHECK(each.output.empty());
}

TEST_CASE(
    "bench bare-load: an invalid endpoint, a missing server and invalid numbers are reported") {
    CHECK(run({kLoad, "tcp://127.0.0.1:1", "1", "64", "1"}).status == 1);
    CHECK(has(run({kLoad, "127.0.0.1", "1", "64", "1"}).errors, "tcp://ADDRESS:PORT or unix:PATH"));
    for (const char* seconds : {"0", "x", "-1"})
        CHECK(run({kLoad, "tcp://127.0.0.1:1", "1", "64", seconds}).status == 2);
    CHECK(has(run({kLoad}).errors, "usage: bare-load"));
}
