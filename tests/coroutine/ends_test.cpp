// How sessions end: by themselves, with their connection, by a drain, by a switch.
#include <doctest/doctest.h>

#include <stdexcept>

#include "../support/counting_memory.hpp"
#include "sessions.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

enum class For { read, line, bytes, time, wake, drain, both, first };

Task<> one_wait(Stream& peer, For what) {
    std::string into(10, ' ');
    if (what == For::read) (void)co_await peer.read_some();
    if (what == For::line) (void)co_await peer.read_until("\n");
    if (what == For::bytes) (void)co_await peer.read_into(std::as_writable_bytes(std::span(into)));
    if (what == For::time) co_await peer.sleep_for(100s);
    if (what == For::wake) co_await peer.wait();
    if (what == For::drain) {
        while (peer.write("much")) {
        }
        co_await peer.drain();
    }
    if (what == For::both) co_await when_all(one_wait(peer, For::read), one_wait(peer, For::wake));
    if (what == For::first) co_await first_of(one_wait(peer, For::line), one_wait(peer, For::time));
}

struct Witness {
    int live = 0, after = 0;
};

Task<> nested(Stream& peer, Witness& story, For what) {
    const Counted inner(story.live);
    co_await one_wait(peer, what);
    ++story.after;
}

ProtocolFactory waits_for(Witness& story, For what) {
    return coroutine([&story, what](Stream& peer) -> Task<> {
        const Counted outer(story.live);
        co_await nested(peer, story, what);
        ++story.after;
    });
}

constexpr For kEach[] = {For::read, For::line,  For::bytes, For::time,
                         For::wake, For::drain, For::both,  For::first};

}  // namespace

TEST_CASE("coroutine: a session whose connection ends is destroyed where it waits") {
    Witness story;
    for (const For what : kEach) {
        CAPTURE(static_cast<int>(what));
        testing::MemoryDriver driver;
        auto& peer = driver.connect(waits_for(story, what));
        peer.set_window(100);
        driver.run();
        CHECK(story.live == 2);
        peer.reset();
        driver.run();
        CHECK(story.live == 0);
        CHECK(peer.close_reason() == std::errc::connection_reset);
        driver.connect(waits_for(story, what)).set_window(100);
        driver.run();
        CHECK(story.live == 2);
    }
    CHECK(story.live == 0);  // the driver's destructor has ended the others
    CHECK(story.after == 0);
}

TEST_CASE("coroutine: close() and abort() within a session destroy it at its next wait") {
    int live = 0;
    bool after = false;
    testing::MemoryDriver driver;
    for (const bool aborts : {false, true}) {
        auto& peer = driver.connect(coroutine([&, aborts](Stream& s) -> Task<> {
            const Counted local(live);
            s.write("bye");
            aborts ? s.abort(errc::malformed_message) : s.close(errc::malformed_message);
            CHECK(live == 1);
            (void)co_await s.read_some();
            after = true;
        }));
        driver.run();
        CHECK(live == 0);
        CHECK(peer.close_reason() == errc::malformed_message);
        CHECK(peer.received() == (aborts ? "" : "bye"));
    }
    CHECK_FALSE(after);
}

TEST_CASE("coroutine: a session that returns closes, and its output is sent first") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([](Stream& s) -> Task<> {
        s.write(std::string(100'000, 'x'));
        co_return;
    }));
    peer.set_window(10'000);
    driver.run();
    CHECK_FALSE(peer.closed());
    std::size_t got = 0;
    while (!peer.received().empty()) {
        got += peer.take_received().size();
        driver.run();
    }
    CHECK(got == 100'000);
    CHECK(peer.closed());
    CHECK_FALSE(peer.close_reason());
}

TEST_CASE("coroutine: what a session throws ends its connection alone, with the text") {
    testing::MemoryDriver driver;
    int live = 0;
    auto& peer = driver.connect(coroutine([&live](Stream& s) -> Task<> {
        const Counted outer(live);
        const auto fails = [](Stream& t, int& count) -> Task<> {
            const Counted inner(count);
            (void)co_await t.read_some();
            throw std::runtime_error("no idea");
        };
        co_await fails(s, live);
    }));
    auto& other = driver.connect(coroutine(echo_session));
    driver.run();
    CHECK(live == 2);
    peer.send("x");
    other.send("x");
    driver.run();
    CHECK(live == 0);
    CHECK(peer.close_reason() == errc::handler_failed);
    CHECK(peer.failure() == "on_data threw: no idea");
    CHECK(other.received() == "x");
}

TEST_CASE("coroutine: an exception can be caught where it is awaited") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([](Stream& s) -> Task<> {
        const auto fails = [](Stream& t) -> Task<int> {
            co_await t.sleep_for(1s);
            throw std::runtime_error("caught");
        };
        std::string said;
        try {
            (void)co_await fails(s);
        } catch (const std::runtime_error& error) {
            said = error.what();
        }
        s.write(said);
    }));
    driver.advance(1s);
    CHECK(peer.received() == "caught");
    CHECK_FALSE(peer.close_reason());
}

TEST_CASE("coroutine: a session that fails in each callback") {
    const auto failing = [](auto wait) {
        return coroutine([wait](Stream& s) -> Task<> {
            co_await wait(s);
            throw std::runtime_error("x");
        });
    };
    const auto sleeps = [](Stream& s) { return s.sleep_for(1s); };
    const auto reads = [](Stream& s) { return s.read_exactly(2); };
    const auto wakes = [](Stream& s) {
        s.wake();
        return s.wait();
    };
    testing::MemoryDriver driver;
    auto& sleeping = driver.connect(failing(sleeps));
    auto& opened = driver.connect(failing(wakes));
    auto& ended = driver.connect(failing(reads));
    auto& given = driver.connect(failing(reads));
    ended.shutdown_write();
    given.send("ab");
    driver.advance(1s);
    CHECK(opened.failure() == "on_open threw: x");
    CHECK(sleeping.failure() == "on_deadline threw: x");
    CHECK(ended.failure() == "on_eof threw: x");
    CHECK(given.failure() == "on_data threw: x");
}

TEST_CASE("coroutine: a drain closes idle sessions, and waits for busy ones") {
    testing::MemoryDriver driver;
    auto& idle = driver.connect(coroutine(echo_session));
    auto& busy = driver.connect(coroutine([](Stream& s) -> Task<> {
        co_await s.sleep_for(5s);
        s.write(s.stopping() ? "stopping" : "not");
    }));
    driver.run();
    driver.drain();
    driver.advance(1s);
    CHECK(idle.closed());
    CHECK_FALSE(busy.closed());
    driver.advance(4s);
    CHECK(busy.received() == "stopping");
    CHECK(busy.closed());
}

TEST_CASE("coroutine: a drain ends wait()") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([](Stream& s) -> Task<> {
        while (!s.stopping()) co_await s.wait();
        s.write("bye");
    }));
    driver.run();
    CHECK(peer.received().empty());
    driver.drain();
    driver.run();
    CHECK(peer.received() == "bye");
    CHECK(peer.closed());
}

TEST_CASE(
    "coroutine: a session hands its connection to another protocol, with the rest of the input") {
    for (const bool returns : {false, true}) {
        int live = 0;
        testing::MemoryDriver driver;
        auto& peer = driver.connect(coroutine([&live, returns](Stream& s) -> Task<> {
            const Counted local(live);
            (void)co_await s.read_until("\n");
            s.write("upgraded\n");
            s.switch_to(coroutine(echo_session)());
            if (!returns) co_await s.sleep_for(1s);
        }));
        peer.send("GET\nrest");
        driver.run();
        CHECK(live == 0);
        CHECK(peer.received() == "upgraded\nrest");
        CHECK_FALSE(peer.closed());
        peer.send("!");
        driver.run();
        CHECK(peer.received() == "upgraded\nrest!");
    }
}

TEST_CASE("coroutine: a function that makes no coroutine closes the connection") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([](Stream&) { return Task<>(); }));
    driver.run();
    CHECK(peer.closed());
}

TEST_CASE("coroutine: captures of a lambda live as long as its session") {
    testing::MemoryDriver driver;
    testing::MemoryPeer* peer = nullptr;
    {
        const ProtocolFactory factory =
            coroutine([text = std::string(100, 'x')](Stream& s) -> Task<> {
                co_await s.sleep_for(1s);
                s.write(text);
            });
        peer = &driver.connect(factory);
    }
    driver.advance(1s);
    CHECK(peer->received() == std::string(100, 'x'));
}
