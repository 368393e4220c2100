// `switchboard serve --throttle-...`: every driver keeps to the rates, and invalid options are refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "server.hpp"

using namespace switchboard;
using namespace switchboard::programs;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kSize = 60'000;

// Returns how long an echo of kSize bytes takes. The reply must equal the request.
Clock::duration time_of_echo(const Server& server) {
    std::string text;
    for (int i = 0; text.size() < kSize; ++i) text += std::to_string(i) + ' ';
    const auto start = Clock::now();
    const Finished asked =
        programs::switchboard({"exchange", server.endpoint()}, text.substr(0, kSize));
    CHECK(asked.errors == "");
    CHECK(asked.output == text.substr(0, kSize));
    return Clock::now() - start;
}

// Returns how long `size` bytes take at least at 100 k per second. The burst at the start takes no time,
// and the clocks may differ by milliseconds.
Clock::duration least(std::size_t size) {
    return std::chrono::microseconds((size - 10'240) * 1'000'000 / 102'400) - 2ms;
}

}  // namespace

TEST_CASE("throttle: every driver keeps to the rate of a connection") {
    for (const std::string& driver : kDrivers) {
        for (const std::string flag : {"--throttle-in", "--throttle-out"}) {
            CAPTURE(driver);
            CAPTURE(flag);
            const Server server({"echo", "--driver", driver, flag, "100k"});
            CHECK(time_of_echo(server) >= least(kSize));
        }
    }
}

TEST_CASE("throttle: all connections of one process share the rate for all") {
    for (const std::string driver : {"reactor", "threads", "thread-pool"}) {
        for (const std::string flag : {"--throttle-all-in", "--throttle-all-out"}) {
            CAPTURE(driver);
            CAPTURE(flag);
            const Server server({"echo", "--driver", driver, flag, "100k"});
            const auto start = Clock::now();
            std::thread other([&] { time_of_echo(server); });
            time_of_echo(server);
            other.join();
            CHECK(Clock::now() - start >= least(2 * kSize));
        }
    }
}

TEST_CASE(
    "throttle: a relay's clients are slowed down, and all its reactors share the rate for all") {
    const Server echo({"echo"});
    const std::vector<std::string> relay = {"relay", "--option", "target=" + echo.endpoint()};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), relay.begin(), relay.end());
        return more;
    };
    for (const std::string flag : {"--throttle-in", "--throttle-out"}) {
        CAPTURE(flag);
        const Server server(with({flag, "100k"}));
        CHECK(time_of_echo(server) >= least(kSize));
    }
    const Server server(with({"--reactors", "2", "--throttle-all-out", "200k"}));
    const auto start = Clock::now();
    std::vector<std::thread> clients;
    for (int i = 0; i < 6; ++i) clients.emplace_back([&] { time_of_echo(server); });
    for (std::thread& client : clients) client.join();
    CHECK(Clock::now() - start >= least(3 * kSize));  // at 200 k, the time for half the bytes
}

TEST_CASE("throttle: what a hub's members say is sent to the others at the rate") {
    const Server server({"hub", "--throttle-out", "100k"});
    const Socket speaker = server.connect();
    Socket listener = server.connect();
    std::string heard(1, '\0');
    REQUIRE(listener.set_timeouts(10ms, 30s));
    REQUIRE(support::eventually([&] {  // until both have joined
        REQUIRE(speaker.send_all(as_bytes("\n")));
        return listener.receive({reinterpret_cast<std::byte*>(heard.data()), 1}).has_value();
    }));
    REQUIRE(listener.set_timeouts(30s, 30s));
    std::string line(999, 'x');
    const auto start = Clock::now();
    for (std::size_t sent = 0; sent < kSize; sent += 1'000)
        REQUIRE(speaker.send_all(as_bytes(line + "\n")));
    CHECK(receive(listener, kSize).size() == kSize);
    CHECK(Clock::now() - start >= least(kSize));
}

TEST_CASE("throttle: without a flag, and below a rate, nothing is slowed down") {
    const Server server({"echo", "--throttle-in", "1G", "--throttle-all-out", "1G"});
    time_of_echo(server);
    CHECK(programs::switchboard({"serve", "--help"}).output.find("--throttle-all-in RATE") !=
          std::string::npos);
}

TEST_CASE("throttle: what is not a rate, or cannot be throttled, is refused by name") {
    check_refused({"echo", "--throttle-in", "fast"},
                  "--throttle-in fast: must be bytes per second, such as 65536, 64k or 1M");
    check_refused({"echo", "--throttle-out", "64kb"},
                  "--throttle-out 64kb: must be bytes per second, such as 65536, 64k or 1M");
    check_refused({"echo", "--throttle-all-in", "0"},
                  "--throttle-all-in 0: a rate of 0 would let nothing pass");
    check_refused({"echo", "--throttle-all-out", "1025G"},
                  "--throttle-all-out 1025G: more than 1024G per second");
    check_refused({"echo", "--listen", "udp://127.0.0.1:0", "--throttle-out", "1k"},
                  "--throttle-out 1k: applies to connections only, not to datagrams");
}
