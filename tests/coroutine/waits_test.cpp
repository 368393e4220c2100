// Deadlines, sleeps, drain() and wait().
#include <doctest/doctest.h>

#include <deque>

#include "sessions.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Runs one session in memory, with what its awaits gave.
struct Scene {
    testing::MemoryDriver driver;
    std::string log;
    testing::MemoryPeer* peer = nullptr;

    explicit Scene(const std::function<Task<>(Stream&, std::string&)>& session) {
        peer = &driver.connect(
            coroutine([this, session](Stream& s) -> Task<> { return session(s, log); }));
        driver.run();
    }
    // What was logged since the last call.
    std::string after(std::chrono::milliseconds time) {
        driver.advance(time);
        return std::exchange(log, "");
    }
};

}  // namespace

TEST_CASE("coroutine: the deadline ends each kind of await, and again until it is moved") {
    Scene scene([](Stream& s, std::string& log) -> Task<> {
        std::string into(3, ' ');
        s.set_timeout(10s);
        log += text_of(co_await s.read_some());
        log += text_of(co_await s.read_some());
        log += text_of(co_await s.read_exactly(2));
        log += text_of(co_await s.read_until("\n"));
        log += text_of(co_await s.read_into(std::as_writable_bytes(std::span(into))));
        log += text_of(co_await s.sleep_for(1s));
        log += text_of(co_await s.wait());
        s.set_timeout(5s);
        log += text_of(co_await s.sleep_for(1s));
        log += text_of(co_await s.sleep_for(100s));
        s.set_timeout(5s);
        log += text_of(co_await s.wait());
        s.set_timeout(5s);
        log += text_of(co_await s.read_into(std::as_writable_bytes(std::span(into))));
        s.set_deadline(Clock::time_point::max());
        log += text_of(co_await s.sleep_for(100s));
    });
    CHECK(scene.after(9'999ms) == "");
    CHECK(scene.after(1ms) == "<late><late><late><late><late><late><late>");
    CHECK(scene.after(999ms) == "");
    CHECK(scene.after(1ms) == "ok");
    CHECK(scene.after(3'999ms) == "");
    CHECK(scene.after(1ms) == "<late>");
    CHECK(scene.after(5s) == "<late>");
    CHECK(scene.after(5s) == "<late>");
    CHECK(scene.after(99s) == "");
    CHECK(scene.after(1s) == "ok");
    CHECK(scene.peer->closed());
}

TEST_CASE("coroutine: after a time-out, what came before it can be read") {
    Scene scene([](Stream& s, std::string& log) -> Task<> {
        s.set_timeout(1s);
        log += text_of(co_await s.read_until("\n"));
        s.set_deadline(Clock::time_point::max());
        log += text_of(co_await s.read_exactly(2));
        log += text_of(co_await s.read_until("\n"));
    });
    scene.peer->send("part");
    CHECK(scene.after(500ms) == "");
    CHECK(scene.after(500ms) == "<late>pa");
    scene.peer->send("ly\n");
    CHECK(scene.after(0ms) == "rtly\n");
}

TEST_CASE("coroutine: a deadline that is renewed does not fire") {
    Scene scene([](Stream& s, std::string& log) -> Task<> {
        for (;;) {
            s.set_timeout(1s);
            const auto in = co_await s.read_some();
            log += text_of(in);
            if (!in) co_return;
        }
    });
    for (int i = 0; i < 5; ++i) {
        scene.peer->send("x");
        CHECK(scene.after(900ms) == "x");
    }
    CHECK(scene.after(100ms) == "<late>");
    CHECK(scene.peer->closed());
}

TEST_CASE("coroutine: a deadline in the past fails the next await, but not bytes that are there") {
    Scene scene([](Stream& s, std::string& log) -> Task<> {
        log += text_of(co_await s.read_exactly(1));
        s.set_deadline(s.now() - 1s);
        log += text_of(co_await s.read_exactly(2));
        log += text_of(co_await s.read_exactly(1));
    });
    scene.peer->send("abc");
    CHECK(scene.after(0ms) == "abc<late>");
}

TEST_CASE("coroutine: sleeps end at their time, each one") {
    Scene scene([](Stream& s, std::string& log) -> Task<> {
        const auto sleeper = [](Stream& t, std::chrono::seconds time, char name,
                                std::string& out) -> Task<> {
            co_await t.sleep_for(time);
            out += name;
        };
        co_await when_all(sleeper(s, 3s, 'c', log), sleeper(s, 1s, 'a', log),
                          sleeper(s, 2s, 'b', log));
        log += '.';
    });
    CHECK(scene.after(999ms) == "");
    CHECK(scene.after(1ms) == "a");
    CHECK(scene.after(1s) == "b");
    CHECK(scene.after(1s) == "c.");
}

TEST_CASE("coroutine: a sleep of no time lets other connections run") {
    testing::MemoryDriver driver;
    bool stop = false;
    int turns = 0;
    auto& busy = driver.connect(coroutine([&](Stream& s) -> Task<> {
        while (!stop && ++turns < 1000) co_await s.sleep_for(0s);
    }));
    auto& other = driver.connect(coroutine([&](Stream& s) -> Task<> {
        (void)co_await s.read_some();
        stop = true;
    }));
    driver.turn();
    other.send("x");
    for (int i = 0; i < 100 && !busy.closed(); ++i) {
        driver.turn();
        driver.advance(0s);
    }
    CHECK(busy.closed());
    CHECK(turns < 1000);
}

TEST_CASE("coroutine: drain() slows a generator down to its peer") {
    std::size_t written = 0;
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([&](Stream& s) -> Task<> {
        const std::string block(1000, 'x');
        for (int i = 0; i < 1000; ++i) {
            if (!s.write(block)) co_await s.drain();
            written += block.size();
        }
    }));
    peer.set_window(100'000);
    driver.run();
    CHECK(written < 250'000);
    std::size_t got = 0;
    while (!peer.closed() || !peer.received().empty()) {
        got += peer.take_received().size();
        driver.run();
    }
    CHECK(got == 1'000'000);
}

TEST_CASE("coroutine: drain() times out, and is over at once where nothing is queued") {
    Scene scene([](Stream& s, std::string& log) -> Task<> {
        log += text_of(co_await s.drain());
        s.set_timeout(1s);
        while (s.write(std::string(1000, 'x'))) {
        }
        log += text_of(co_await s.drain());
    });
    CHECK(scene.after(0ms) == "okok");

    testing::MemoryDriver driver;
    std::string log;
    auto& peer = driver.connect(coroutine([&log](Stream& s) -> Task<> {
        co_await s.sleep_for(1s);
        s.set_timeout(1s);
        while (s.write(std::string(1000, 'x'))) {
        }
        log += text_of(co_await s.drain());
    }));
    peer.set_window(10);
    driver.advance(1s);
    CHECK(log.empty());
    driver.advance(1s);
    CHECK(log == "<late>");
}

TEST_CASE("coroutine: wake() is not lost, whenever it comes") {
    testing::MemoryDriver driver;
    Stream* stream = nullptr;
    std::deque<std::string> outbox;
    int woken = 0;
    auto& peer = driver.connect(coroutine([&](Stream& s) -> Task<> {
        stream = &s;
        for (;;) {
            while (!outbox.empty()) {
                s.write(outbox.front());
                outbox.pop_front();
            }
            co_await s.wait();
            ++woken;
        }
    }));
    driver.run();
    outbox.emplace_back("a");
    stream->wake();
    CHECK(peer.received().empty());
    driver.run();
    CHECK(peer.received() == "a");
    outbox.emplace_back("b");
    stream->wake();
    stream->wake();
    driver.run();
    CHECK(peer.received() == "ab");
    CHECK(woken == 2);
    peer.send("unread");
    driver.run();
    outbox.emplace_back("c");
    stream->wake();
    driver.run();
    CHECK(peer.received() == "abc");
    CHECK(peer.unread() == 6);
}

TEST_CASE("coroutine: wake() before wait() ends that wait, and no later one") {
    Scene scene([](Stream& s, std::string& log) -> Task<> {
        s.wake();
        log += text_of(co_await s.wait());
        s.set_timeout(1s);
        log += text_of(co_await s.wait());
    });
    CHECK(scene.after(0ms) == "ok");
    CHECK(scene.after(1s) == "<late>");
}

TEST_CASE("coroutine: bytes that are unread while a session waits do not count against it") {
    Scene scene([](Stream& s, std::string& log) -> Task<> {
        log += text_of(co_await s.wait());
        log += text_of(co_await s.read_exactly(3));
    });
    scene.peer->send("abc");
    CHECK(scene.after(1s) == "");
    scene.driver.drain();
    CHECK(scene.after(1s) == "okabc");
}
