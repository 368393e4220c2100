// The in-memory driver: pauses, switches, deadlines, calls from outside, links and simulated faults.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/error.hpp>
#include <switchboard/testing/memory.hpp>

using namespace switchboard;
using namespace std::chrono_literals;
using testing::MemoryDriver;
using testing::MemoryPeer;
using testing::NetworkFaults;

namespace {

// Records each callback, and takes all input.
Callbacks recording(std::string& log) {
    return {
        .on_open = [&](Connection&) { log += "open "; },
        .on_data =
            [&](Connection&, MutableBytes in) {
                log += std::string(as_text(in)) + " ";
                return in.size();
            },
        .on_writable = [&](Connection&) { log += "drain "; },
        .on_resume = [&](Connection&) { log += "resume "; },
        .on_eof = [&](Connection&) { log += "eof "; },
        .on_deadline = [&](Connection&) { log += "deadline "; },
        .on_close = [&](std::error_code) { log += "close "; },
    };
}

Callbacks echoing() {
    return {.on_data = [](Connection& c, MutableBytes in) {
        c.write(in);
        return in.size();
    }};
}

}  // namespace

TEST_CASE(
    "memory: a paused connection gets neither bytes nor FIN until the turn after it resumes") {
    std::string log;
    Callbacks handler = recording(log);
    handler.on_data = [&](Connection& c, MutableBytes in) -> std::size_t {
        log += std::string(as_text(in)) + " ";
        if (in.size() > 1) c.pause_reading();
        return 1;
    };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol(handler));
    peer.send("ab").shutdown_write();
    driver.run();
    CHECK(log == "open ab ");
    CHECK(peer.unread() == 1);
    peer.connection()->resume_reading();
    CHECK(log == "open ab ");
    driver.run();
    CHECK(log == "open ab resume b eof ");
}

TEST_CASE("memory: after a resume in a callback, on_resume comes in the next turn") {
    std::string log;
    Callbacks handler = recording(log);
    handler.on_open = [&](Connection& c) {
        c.pause_reading();
        c.resume_reading();
    };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol(handler));
    peer.send("a");
    driver.turn();
    CHECK(log.empty());
    driver.turn();
    CHECK(log == "resume a ");
}

TEST_CASE("memory: an unfinished tail does not hold the FIN back") {
    std::string log;
    Callbacks handler = recording(log);
    handler.on_data = [](Connection&, MutableBytes) -> std::size_t { return 0; };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol(handler));
    peer.send("half").shutdown_write();
    driver.run();
    CHECK(log == "open eof ");
    CHECK(peer.unread() == 4);
}

TEST_CASE("memory: a protocol that leaves too much unread is aborted") {
    ConnectionLimits limits;
    limits.max_read_buffer = 8;
    Callbacks handler;
    handler.on_data = [](Connection&, MutableBytes) -> std::size_t { return 0; };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol(handler), limits);
    peer.send("12345678");
    driver.run();
    CHECK_FALSE(peer.closed());
    peer.send("9");
    driver.run();
    CHECK(peer.close_reason() == errc::message_too_large);
    CHECK(peer.saw_reset());
}

TEST_CASE("memory: read_budget bounds what one connection reads in a turn") {
    ConnectionLimits limits;
    limits.read_budget = 100'000;
    std::size_t seen = 0;
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol({.on_data =
                                                         [&](Connection&, MutableBytes in) {
                                                             seen += in.size();
                                                             return in.size();
                                                         }}),
                                      limits);
    peer.send(std::string(250'000, 'x'));
    driver.turn();
    CHECK(seen == 100'000);
    driver.turn();
    CHECK(seen == 200'000);
    driver.turn();
    CHECK(seen == 250'000);
}

TEST_CASE("memory: switch_to hands the unread bytes on, from a callback and from outside") {
    for (const bool outside : {false, true}) {
        CAPTURE(outside);
        std::string log, old;
        Callbacks handler = recording(old);
        handler.on_data = [&](Connection& c, MutableBytes in) -> std::size_t {
            if (as_text(in).front() != 'U') return 0;
            if (!outside) c.switch_to(make_protocol(recording(log)));
            return outside ? 0 : 1;
        };
        MemoryDriver driver;
        MemoryPeer& peer = driver.connect(make_protocol(handler));
        peer.send("Urest").shutdown_write();
        if (outside) {
            driver.turn();
            peer.connection()->switch_to(make_protocol(recording(log)));
            CHECK(log.empty());
        }
        driver.run();
        CHECK(log == (outside ? "open Urest eof " : "open rest eof "));
        CHECK(old == (outside ? "open eof close " : "open close "));
    }
}

TEST_CASE("memory: a deadline comes once, never early, and can be moved and disarmed") {
    std::vector<std::chrono::nanoseconds> came;
    MemoryDriver driver;
    const auto start = driver.now();
    Callbacks handler;
    handler.on_open = [](Connection& c) { c.set_deadline(c.now() + 10ms); };
    handler.on_deadline = [&](Connection& c) {
        came.push_back(c.now() - start);
        if (came.size() < 3) c.set_deadline(c.now() + 15ms);
    };
    MemoryPeer& peer = driver.connect(make_protocol(handler));
    driver.advance(10ms - 1ns);
    CHECK(came.empty());
    driver.advance(1h);
    CHECK(came == std::vector<std::chrono::nanoseconds>{10ms, 25ms, 40ms});
    CHECK(driver.now() == start + 10ms - 1ns + 1h);
    peer.connection()->set_deadline(driver.now() + 1s);
    peer.connection()->set_deadline(driver.now() + 2s);
    driver.advance(1500ms);
    CHECK(came.size() == 3);
    peer.connection()->set_deadline(Clock::time_point::max());
    driver.advance(1h);
    CHECK(came.size() == 3);
    CHECK_FALSE(peer.closed());
}

TEST_CASE("memory: a deadline without a handler aborts with timed_out") {
    MemoryDriver driver;
    MemoryPeer& peer =
        driver.connect(make_protocol({.on_open = [](Connection& c) { c.set_deadline(c.now()); }}));
    driver.run();
    CHECK(peer.close_reason() == std::errc::timed_out);
    CHECK(peer.saw_reset());
}

TEST_CASE("memory: sent bytes arrive before the clock moves") {
    std::string log;
    Callbacks handler = recording(log);
    handler.on_open = [](Connection& c) { c.set_deadline(c.now() + 1s); };
    MemoryDriver driver;
    MemoryPeer& peer = driver.connect(make_protocol(handler));
    peer.send("data");
    driver.advance(1s);
    CHECK(log == "data deadline ");
}

TEST_CASE("memory: close and abort from outside take effect in the next turn") {
    for (const bool abort : {false, true}) {
        CAPTURE(abort);
        std::string log;
        MemoryDriver driver;
        MemoryPeer& victim = driver.connect(make_protocol(recording(log)));
        MemoryPeer& other =
            driver.connect(make_protocol({.on_data = [&](Connection&, MutableBytes in) {
                Connection* c = victim.connection();
                c->write("bye");
                abort ? c->abort(errc::stopping) : c->close(errc::stopping);
                CHECK_FALSE(c->write("late"));
                return in.size();
            }}));
        driver.run();
        other.send("x");
        CHECK(driver.turn());
        CHECK(log == "open ");
        driver.run();
        CHECK(log == "open close ");
        CHECK(victim.close_reason() == errc::stopping);
        CHECK(victim.received() == (abort ? "" : "bye"));
        CHECK(victim.saw_reset() == abort);
        CHECK(victim.connection() == nullptr);
        CHECK(victim.writes_after_close() == 0);
    }
}

TEST_CASE("memory: a callback may make a connection, which is served from the next turn on") {
    std::string log;
    MemoryDriver driver;
    driver.connect(make_protocol(
        {.on_open = [&](Connection&) { driver.connect(make_protocol(recording(log))); }}));
    CHECK(driver.turn());
    CHECK(log.empty());
    driver.run();
    CHECK(log == "open ");
}

TEST_CASE("memory: an endless run is an error, with its seed") {
    MemoryDriver driver({.seed = 77});
    driver.connect(make_protocol({.on_open = [](Connection& c) { c.resume_reading(); },
                                  .on_resume = [](Connection& c) { c.resume_reading(); }}));
    CHECK_THROWS_WITH_AS(driver.run(100), "still busy after 100 turns (seed 77)",
                         std::runtime_error);
}

TEST_CASE("memory: two protocols over a link, with backpressure and an orderly end") {
    const std::size_t total = 1 << 20;
    std::size_t sent = 0, received = 0, drains = 0;
    std::string answer;
    const auto pour = [&](Connection& c) {
        while (sent < total) {
            const std::size_t size = std::min<std::size_t>(10'000, total - sent);
            sent += size;
            if (!c.write(std::string(size, 'x'))) return;
        }
        c.shutdown_write();
    };
    Callbacks left;
    left.on_open = pour;
    left.on_writable = [&](Connection& c) {
        ++drains;
        pour(c);
    };
    left.on_data = [&](Connection&, MutableBytes in) {
        answer += as_text(in);
        return in.size();
    };
    Callbacks right;
    right.on_data = [&](Connection&, MutableBytes in) {
        received += in.size();
        return in.size();
    };
    right.on_eof = [&](Connection& c) {
        c.write("that was " + std::to_string(received));
        c.close();
    };
    MemoryDriver driver;
    driver.join(make_protocol(left), make_protocol(right), {}, 777);
    driver.run();
    CHECK(answer == "that was 1048576");
    CHECK(drains > 10);
    CHECK(driver.open() == 0);
}

TEST_CASE("memory: a link holds no more than its window") {
    Connection* sender = nullptr;
    bool drained = false;
    Callbacks left;
    left.on_open = [&](Connection& c) {
        sender = &c;
        c.write(std::string(100'000, 'x'));
    };
    left.on_writable = [&](Connection&) { drained = true; };
    Callbacks right;
    right.on_open = [](Connection& c) { c.pause_reading(); };
    ConnectionLimits limits;
    limits.low_water = 0;
    MemoryDriver driver;
    driver.join(make_protocol(left), make_protocol(right), limits, 99'999);
    driver.run();
    CHECK_FALSE(drained);
    driver.advance(60s);
    CHECK(driver.open() == 0);  // one end stalls, and resets the other
}

TEST_CASE("memory: an abort at one end of a link is a reset at the other") {
    std::error_code reason;
    MemoryDriver driver;
    driver.join(make_protocol({.on_open = [](Connection& c) { c.abort(errc::malformed_message); }}),
                make_protocol({.on_close = [&](std::error_code e) { reason = e; }}));
    driver.run();
    CHECK(reason == std::errc::connection_reset);
}

TEST_CASE("memory: writing to an end that has closed brings a reset") {
    std::error_code reason;
    Callbacks right;
    right.on_eof = [](Connection& c) { c.set_deadline(c.now() + 1s); };
    right.on_deadline = [](Connection& c) { c.write("anyone there?"); };
    right.on_close = [&](std::error_code e) { reason = e; };
    MemoryDriver driver;
    driver.join(make_protocol({.on_open = [](Connection& c) { c.close(); }}), make_protocol(right));
    driver.run();
    CHECK(driver.open() == 1);
    driver.advance(1s);
    CHECK(reason == std::errc::connection_reset);
}

namespace {

// Returns what three connections received, in order, with all simulated faults.
std::string story(std::uint64_t seed) {
    MemoryDriver driver({.seed = seed,
                         .short_reads = true,
                         .short_writes = true,
                         .reorder = true,
                         .reset_chance = 0.02});
    std::string log;
    for (char name : {'a', 'b', 'c'}) {
        Callbacks handler;
        handler.on_data = [&log, name](Connection& c, MutableBytes in) {
            log += name + std::to_string(in.size()) + " ";
            c.write(in);
            return in.size();
        };
        handler.on_close = [&log, name](std::error_code e) { log += name + e.message() + " "; };
        driver.connect(make_protocol(handler)).send(std::string(100, name)).shutdown_write();
    }
    driver.run();
    CHECK(driver.seed() == seed);
    return log;
}

}  // namespace

TEST_CASE("memory: equal seeds give equal runs, and different seeds give different ones") {
    CHECK(story(1) == story(1));
    CHECK(story(1) != story(2));
    CHECK(story(2) != story(3));
}

TEST_CASE("memory: simulated faults lose bytes only by resets") {
    std::size_t resets = 0, reordered = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        MemoryDriver driver({.seed = seed,
                             .short_reads = true,
                             .short_writes = true,
                             .reorder = true,
                             .reset_chance = seed % 2 == 0 ? 0.0 : 0.05});
        const std::string text = "what goes in comes out";
        MemoryPeer& one = driver.connect(callbacks(echoing));
        MemoryPeer& two = driver.connect(callbacks(echoing));
        one.send(text).shutdown_write();
        two.send(text).shutdown_write();
        while (!one.closed() && !two.closed()) driver.turn();
        reordered += two.closed() ? 1U : 0U;
        driver.run();
        for (MemoryPeer* peer : {&one, &two}) {
            REQUIRE(peer->closed());
            CHECK(text.starts_with(peer->received()));
            if (!peer->close_reason()) CHECK(peer->received() == text);
            resets += peer->close_reason() == std::errc::connection_reset ? 1U : 0U;
            if (seed % 2 == 0) CHECK_FALSE(peer->close_reason());
        }
    }
    CHECK(resets > 10);
    CHECK(reordered > 10);
}
