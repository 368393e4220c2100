#include <doctest/doctest.h>

#include <switchboard/callbacks.hpp>
#include <switchboard/testing/memory.hpp>
#include <workload/message_workload.hpp>

using namespace switchboard;
using namespace switchboard::bench;
using namespace std::chrono_literals;
using switchboard::testing::MemoryDriver;
using switchboard::testing::MemoryPeer;

namespace {

// A load on an in-memory network, with a clock that the test moves.
struct Bench {
    explicit Bench(std::size_t size = 8, std::size_t depth = 1, testing::NetworkFaults weather = {})
        : Bench(size, Pace{.depth = depth}, weather) {}
    Bench(std::size_t size, const Pace& pace, testing::NetworkFaults weather = {})
        : load(pace, [this] { return now; }),
          workload(*make_echo({.size = size})),
          driver(weather) {}

    std::unique_ptr<LoadClient> make_client(std::size_t number) {
        return workload->client(load, number);
    }
    MemoryPeer& client(std::size_t number = 0) { return driver.connect(make_client(number)); }
    void client_of(std::unique_ptr<Protocol> server, std::size_t number = 0) {
        driver.join(make_client(number), std::move(server));
    }
    std::size_t failures(Failure kind) const {
        return load.tally().failures[static_cast<std::size_t>(kind)];
    }

    Clock::time_point now = Clock::time_point(1h);
    Load load;
    std::unique_ptr<Workload> workload;
    MemoryDriver driver;  // destroyed first, because its clients use the load
};

// Echoes its input, but changes the byte at position `wrong`.
std::unique_ptr<Protocol> faulty_echo(std::size_t wrong) {
    return make_protocol(
        {.on_data = [seen = std::size_t{0}, wrong](Connection& c, MutableBytes in) mutable {
            if (wrong >= seen && wrong < seen + in.size()) in[wrong - seen] ^= std::byte{1};
            seen += in.size();
            c.write(in);
            return in.size();
        }});
}

}  // namespace

TEST_CASE("bench load: one exchange when connected, and no more until start") {
    Bench bench(8, 3);
    auto& peer = bench.client();
    bench.driver.run();
    const std::string first = peer.take_received();
    CHECK(first.size() == 8);
    CHECK(bench.load.tally().connected == 1);
    CHECK(bench.load.tally().answered == 0);
    peer.send(first);
    bench.driver.run();
    CHECK(peer.received().empty());
    CHECK(bench.load.tally().answered == 1);
    bench.load.start();
    bench.driver.run();
    CHECK(peer.received().size() == 3 * 8);
}

TEST_CASE("bench load: keeps its depth, and counts replies in pieces of any size") {
    Bench bench(8, 3);
    bench.load.start();
    auto& peer = bench.client();
    bench.driver.run();
    const std::string sent = peer.take_received();
    REQUIRE(sent.size() == 24);
    peer.send(sent.substr(0, 7));
    bench.driver.run();
    CHECK(bench.load.tally().exchanges == 0);
    CHECK(peer.received().empty());
    peer.send(sent.substr(7, 9));  // completes the first reply and the second
    bench.driver.run();
    CHECK(bench.load.tally().exchanges == 2);
    CHECK(peer.received().size() == 16);
    CHECK(bench.load.tally().failed == 0);
}

TEST_CASE("bench load: latency is from the send to the last byte of the reply") {
    Bench bench(8);
    auto& peer = bench.client();
    bench.driver.run();
    const std::string sent = peer.take_received();
    bench.now += 300ns;
    peer.send(sent.substr(0, 5));
    bench.driver.run();
    bench.now += 700ns;
    peer.send(sent.substr(5));
    bench.driver.run();
    CHECK(bench.load.tally().latency.count() == 1);
    CHECK(bench.load.tally().latency.max() == 1'000);
}

TEST_CASE("bench load: a connection without replies in the window's second half is counted") {
    Bench bench(8);
    bench.load.start();
    auto& steady = bench.client();
    auto& dropped = bench.client(1);
    bench.client(2);  // never answered; counted separately
    bench.driver.run();
    bench.load.open_window(1s);
    const auto answer = [&](MemoryPeer& peer) {
        peer.send(peer.take_received());
        bench.driver.run();
    };
    for (int tenth = 1; tenth <= 9; ++tenth) {
        bench.now += 100ms;
        answer(steady);
        if (tenth == 5) answer(dropped);
    }
    bench.now += 100ms;
    bench.load.count_starved();
    CHECK(bench.load.tally().served == 2);
    CHECK(bench.load.tally().starved == 1);
    CHECK(bench.load.tally().exchanges == 10);
    CHECK(bench.load.tally().latency.count() == 11);
}

namespace {

// Two connections of one load, in a window that has just opened. Both were just served.
struct TwoInWindow : Bench {
    TwoInWindow() : Bench(8) {
        load.start();
        driver.run();
        serve(one);
        serve(other);
        load.open_window(10s);
        serve(one);
        serve(other);
    }
    void serve(MemoryPeer& peer) {
        driver.run();
        peer.send(peer.take_received());
        driver.run();
    }
    // Time passes, in which only `other` is served, every 50 ms.
    void pass(Clock::duration time) {
        for (; time > 0ms; time -= 50ms) {
            now += std::min<Clock::duration>(time, 50ms);
            serve(other);
        }
    }
    std::size_t starved() {
        load.count_starved();
        return load.tally().starved;
    }

    MemoryPeer& one = client();
    MemoryPeer& other = client(1);
};

}  // namespace

TEST_CASE("bench load: a connection that waits for less than half of the window is not starved") {
    TwoInWindow bench;
    for (int i = 0; i < 10; ++i) {
        bench.pass(50ms);
        bench.serve(bench.one);
    }
    bench.pass(450ms);
    CHECK(bench.starved() == 0);
    bench.pass(50ms);
    CHECK(bench.starved() == 1);
}

TEST_CASE(
    "bench load: a connection that waits twice as long as any before is starved, if others are "
    "served") {
    TwoInWindow bench;
    bench.pass(500ms);
    bench.serve(bench.one);
    const auto counted = bench.load.tally().latency.count();
    bench.pass(950ms);
    CHECK(bench.starved() == 0);
    bench.pass(50ms);
    CHECK(bench.starved() == 1);
    CHECK(bench.load.tally().latency.count() == counted + 20 + 1);
    CHECK(bench.load.tally().latency.max() >= 1'000'000'000);
}

TEST_CASE("bench load: long waits before the window do not excuse starvation in it") {
    TwoInWindow bench;
    bench.now += 900ms;
    bench.serve(bench.one);
    bench.serve(bench.other);
    bench.load.open_window(1s);
    bench.serve(bench.one);
    bench.pass(950ms);
    CHECK(bench.starved() == 1);
    CHECK(bench.load.tally().latency.max() >= 950'000'000);
}

TEST_CASE(
    "bench load: a server that stands still drops no connection, and the waits count as latency") {
    TwoInWindow bench;
    bench.pass(100ms);
    bench.serve(bench.one);
    bench.now += 800ms;
    CHECK(bench.starved() == 0);
    CHECK(bench.load.tally().latency.max() >= 800'000'000);
    CHECK(bench.load.tally().latency.percentile(50) < 800'000'000);
}

TEST_CASE("bench load: when a reply ends the window, connections behind it are not dropped") {
    TwoInWindow bench;
    bool ended = false;
    bench.load.on_window_end = [&] { ended = true; };
    bench.load.open_window(400ms);
    bench.serve(bench.one);
    bench.serve(bench.other);
    bench.now += 400ms;
    bench.serve(bench.one);
    CHECK(ended);
    CHECK(bench.starved() == 0);
    CHECK(bench.load.tally().latency.count() == 3);  // includes the wait of `other`
}

TEST_CASE("bench load: a stream that moves is not starved, even if its pieces are large") {
    Clock::time_point now = Clock::time_point(1h);
    Load load({}, [&] { return now; });
    const auto workload = *make_download({.size = 1'000});
    MemoryDriver driver;
    auto& one = driver.connect(workload->client(load, 0));
    auto& other = driver.connect(workload->client(load, 1));
    Pattern sent = Pattern::chargen(100'000);
    std::size_t at = 0;
    const auto send = [&](std::size_t size) {
        const Bytes piece = sent.at(at, size);
        const std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
        for (MemoryPeer* peer : {&one, &other}) peer->send(text);
        driver.run();
        at += size;
    };
    driver.run();
    send(1'000);
    load.start();
    load.open_window(1s);
    for (int tenth = 0; tenth < 9; ++tenth) {
        now += 100ms;
        send(250);  // so a piece of 1,000 bytes takes 400 ms
    }
    load.count_starved();
    CHECK(load.tally().served == 2);
    CHECK(load.tally().starved == 0);
    load.stop();
}

TEST_CASE("bench load: a window forgets what was before") {
    Bench bench(8);
    bench.load.start();
    auto& peer = bench.client();
    auto& silent = bench.client(1);
    bench.driver.run();
    peer.send(peer.take_received());
    bench.driver.run();
    bench.load.open_window(1s);
    CHECK(bench.load.tally().exchanges == 0);
    for (int i = 0; i < 3; ++i) {
        bench.now += 10ns;
        peer.send(peer.take_received());
        bench.driver.run();
    }
    CHECK(bench.load.tally().exchanges == 3);
    CHECK(bench.load.tally().latency.count() == 3);
    CHECK(bench.load.tally().latency.max() == 10);
    CHECK(bench.load.tally().served == 1);
    CHECK(bench.load.tally().connected == 2);
    CHECK(silent.received().size() == 8);
    bench.load.open_window(1s);
    CHECK(bench.load.tally().served == 0);
}

TEST_CASE("bench load: the first reply after the window's end closes it and is not counted") {
    Bench bench(8);
    int ends = 0;
    bench.load.on_window_end = [&] { ++ends; };
    bench.load.start();
    auto& first = bench.client(0);
    auto& second = bench.client(1);
    bench.driver.run();
    bench.load.open_window(1ms);
    bench.now += 999us;
    first.send(first.take_received());
    bench.driver.run();
    CHECK(ends == 0);
    bench.now += 1us;
    first.send(first.take_received());
    second.send(second.take_received());
    bench.driver.run();
    CHECK(ends == 1);
    CHECK(bench.load.tally().exchanges == 1);
    CHECK(first.received().empty());
}

TEST_CASE("bench load: a wrong byte anywhere ends the connection and is counted") {
    for (std::size_t wrong = 0; wrong < 40; ++wrong) {
        Bench bench(8, 2);
        bench.load.start();
        bench.client_of(faulty_echo(wrong));
        bench.driver.run();
        REQUIRE(bench.failures(Failure::wrong_bytes) == 1);
        REQUIRE(bench.load.tally().failed == 1);
        REQUIRE(bench.load.tally().exchanges <= wrong / 8);
        REQUIRE(bench.driver.open() == 0);
    }
}

TEST_CASE("bench load: more bytes than requested are wrong") {
    Bench bench(8);
    auto& peer = bench.client();
    bench.driver.run();
    peer.send(peer.received() + "x");
    bench.driver.run();
    CHECK(bench.failures(Failure::wrong_bytes) == 1);
    CHECK(peer.saw_reset());
}

TEST_CASE("bench load: every byte right under short reads, short writes and any order") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        Bench bench(100, 4,
                    {.seed = seed, .short_reads = true, .short_writes = true, .reorder = true});
        bench.load.start();
        for (std::size_t i = 0; i < 5; ++i) bench.client_of(faulty_echo(~std::size_t{0}), i);
        for (int turn = 0; turn < 2'000; ++turn) bench.driver.turn();
        CHECK(bench.load.tally().failed == 0);
        CHECK(bench.load.tally().served == 5);
        CHECK(bench.load.tally().exchanges > 20);
    }
}

TEST_CASE("bench load: each failure of a connection is counted once, by its kind") {
    Bench bench(8);
    auto& closed = bench.client(0);
    auto& reset = bench.client(1);
    bench.driver.run();
    closed.shutdown_write();
    reset.reset();
    bench.driver.run();
    bench.make_client(2)->on_close(std::make_error_code(std::errc::connection_refused));
    bench.make_client(3)->on_close(errc::connect_timed_out);
    bench.make_client(4)->on_close(std::make_error_code(std::errc::too_many_files_open));
    CHECK(bench.failures(Failure::closed) == 1);
    CHECK(bench.failures(Failure::reset) == 1);
    CHECK(bench.failures(Failure::refused) == 1);
    CHECK(bench.failures(Failure::timed_out) == 1);
    CHECK(bench.failures(Failure::other) == 1);
    CHECK(bench.load.tally().failed == 5);
    CHECK(bench.load.connects_ended() == 5);
    CHECK(bench.load.decided() == 5);
    CHECK(bench.load.tally().first_failure == "Too many open files");
}

TEST_CASE("bench load: a write after the peer has gone counts as a reset") {
    Bench bench(8);
    bench.make_client(0)->on_close(std::make_error_code(std::errc::broken_pipe));
    CHECK(bench.failures(Failure::reset) == 1);
    CHECK(bench.failures(Failure::other) == 0);
    CHECK(bench.load.tally().first_failure.empty());
}

TEST_CASE("bench load: after stop nothing is counted or sent") {
    Bench bench(8);
    auto& peer = bench.client();
    bench.driver.run();
    bench.load.stop();
    peer.send("not at all");
    bench.driver.run();
    peer.reset();
    bench.driver.run();
    CHECK(bench.load.tally().failed == 0);
    CHECK(bench.load.tally().exchanges == 0);
}

TEST_CASE("bench load: with a limit of exchanges, the last one ends the window") {
    Bench bench(8);
    int ends = 0;
    bench.load.on_window_end = [&] { ++ends; };
    bench.client_of(faulty_echo(~std::size_t{0}));
    bench.driver.run();
    bench.load.start();
    bench.load.open_window(1h, 1'000);
    bench.driver.run();
    CHECK(ends == 1);
    CHECK(bench.load.tally().exchanges == 1'000);
}

TEST_CASE("bench load: with a depth of 0 it sends one request and is idle") {
    Bench bench(8, 0);
    auto& peer = bench.client();
    bench.driver.run();
    peer.send(peer.take_received());
    bench.load.start();
    bench.driver.run();
    CHECK(bench.load.tally().answered == 1);
    CHECK(peer.received().empty());
    CHECK_FALSE(peer.closed());
}

namespace {

// A load of short connections to echo servers.
struct ShortConnections : Bench {
    explicit ShortConnections(const Pace& pace) : Bench(8, pace) {
        load.on_reopen = [this](std::size_t number, Clock::time_point due) {
            auto client = make_client(number);
            client->created(due);
            reopened.push_back(std::move(client));
        };
    }
    // Connects, `later`, the clients that the load has asked for.
    void connect(Clock::duration later) {
        now += later;
        for (auto& client : std::exchange(reopened, {}))
            driver.join(std::move(client), faulty_echo(~std::size_t{0}));
        driver.run();
    }
    std::vector<std::unique_ptr<LoadClient>> reopened;
};

}  // namespace

TEST_CASE("bench load: short connections open again, and their latency starts at the connect") {
    ShortConnections bench({.per_connection = 1});
    bench.client_of(faulty_echo(~std::size_t{0}), 0);
    bench.client_of(faulty_echo(~std::size_t{0}), 1);
    bench.driver.run();
    CHECK(bench.load.decided() == 2);
    CHECK(bench.driver.open() == 0);
    CHECK(bench.reopened.empty());
    bench.load.start();
    bench.load.open_window(1s);
    for (int i = 1; i <= 3; ++i) {
        REQUIRE(bench.reopened.size() == 2);
        bench.connect(5us);
        CHECK(bench.load.tally().exchanges == 2U * static_cast<unsigned>(i));
    }
    CHECK(bench.load.tally().latency.max() == 5'000);
    CHECK(bench.load.tally().latency.percentile(0) == 5'000);
    CHECK(bench.load.tally().served == 2);
    CHECK(bench.load.decided() == 2);
    CHECK(bench.load.tally().failed == 0);
}

TEST_CASE("bench load: several exchanges on a connection, then another takes its place") {
    ShortConnections bench({.per_connection = 3});
    bench.client_of(faulty_echo(~std::size_t{0}));
    bench.load.start();
    bench.load.open_window(1s);
    bench.driver.run();
    CHECK(bench.load.tally().exchanges == 3);
    REQUIRE(bench.reopened.size() == 1);
    bench.connect(1us);
    CHECK(bench.load.tally().exchanges == 6);
    CHECK(bench.load.tally().connected == 2);
}

TEST_CASE("bench load: short connections of an open loop wait for a place") {
    ShortConnections bench({.per_connection = 1, .open_loop = true});
    bench.client_of(faulty_echo(~std::size_t{0}));
    bench.driver.run();
    bench.load.start();
    CHECK(bench.reopened.empty());
    bench.load.open_window(1s);
    bench.load.due(bench.now);
    bench.load.due(bench.now);
    REQUIRE(bench.reopened.size() == 1);
    bench.connect(10us);
    REQUIRE(bench.reopened.size() == 1);
    bench.connect(10us);
    CHECK(bench.reopened.empty());
    CHECK(bench.load.tally().exchanges == 2);
    CHECK(bench.load.tally().latency.max() == 20'000);
    CHECK(bench.load.all_answered());
}
