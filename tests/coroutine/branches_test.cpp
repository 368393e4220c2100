// when_all() and first_of().
#include <doctest/doctest.h>

#include <deque>
#include <stdexcept>

#include "sessions.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

Task<> sleeping(Stream& peer, std::chrono::seconds time, int& live) {
    const Counted local(live);
    co_await peer.sleep_for(time);
}
Task<> failing(Stream& peer, std::chrono::seconds time) {
    if (time > 0s) co_await peer.sleep_for(time);
    throw std::runtime_error("failed");
}
Task<> at_once(int& count) {
    ++count;
    co_return;
}

}  // namespace

TEST_CASE("coroutine: when_all ends with the last of its tasks") {
    testing::MemoryDriver driver;
    int live = 0, count = 0;
    auto& peer = driver.connect(coroutine([&](Stream& s) -> Task<> {
        co_await when_all(sleeping(s, 2s, live), sleeping(s, 1s, live), at_once(count));
        s.write("all");
    }));
    driver.run();
    CHECK(live == 2);
    CHECK(count == 1);
    driver.advance(1s);
    CHECK(live == 1);
    CHECK(peer.received().empty());
    driver.advance(1s);
    CHECK(live == 0);
    CHECK(peer.received() == "all");
}

TEST_CASE("coroutine: first_of ends with the first, and destroys the others where they wait") {
    testing::MemoryDriver driver;
    int live = 0;
    auto& peer = driver.connect(coroutine([&](Stream& s) -> Task<> {
        const auto which =
            co_await first_of(sleeping(s, 3s, live), sleeping(s, 1s, live), sleeping(s, 2s, live));
        s.write(std::to_string(which));
        CHECK(live == 0);
        co_await s.sleep_for(9s);
    }));
    driver.run();
    CHECK(live == 3);
    driver.advance(1s);
    CHECK(peer.received() == "1");
    driver.advance(5s);
    CHECK_FALSE(peer.closed());
}

TEST_CASE("coroutine: the others are destroyed before first_of gives its result") {
    testing::MemoryDriver driver;
    int live = 0;
    auto& peer = driver.connect(coroutine([&live](Stream& s) -> Task<> {
        const auto note = [&live](std::size_t which) {
            return std::to_string(which) + ":" + std::to_string(live);
        };
        s.write(note(co_await first_of(sleeping(s, 2s, live), sleeping(s, 1s, live))));
    }));
    driver.advance(1s);
    CHECK(peer.received() == "1:0");
}

TEST_CASE("coroutine: tasks that never wait") {
    testing::MemoryDriver driver;
    int count = 0;
    driver.connect(coroutine([&](Stream&) -> Task<> {
        for (int i = 0; i < 1000; ++i) {
            co_await when_all(at_once(count), at_once(count));
            CHECK(co_await first_of(at_once(count), at_once(count)) == 0);
        }
    }));
    driver.run();
    CHECK(count == 3000);  // the second task of first_of does not even begin
}

TEST_CASE("coroutine: a task that throws ends its siblings") {
    for (const auto time : {0s, 1s}) {
        for (const bool all : {false, true}) {
            testing::MemoryDriver driver;
            int live = 0;
            auto& peer = driver.connect(coroutine([&live, time, all](Stream& s) -> Task<> {
                std::string said;
                try {
                    if (all)
                        co_await when_all(sleeping(s, 9s, live), failing(s, time));
                    else
                        co_await first_of(sleeping(s, 9s, live), failing(s, time));
                } catch (const std::runtime_error& error) {
                    said = error.what();
                }
                CHECK(live == 0);
                s.write(said);
            }));
            driver.advance(1s);
            CHECK(peer.received() == "failed");
        }
    }
}

TEST_CASE("coroutine: groups of tasks may be nested") {
    testing::MemoryDriver driver;
    int live = 0;
    auto& peer = driver.connect(coroutine([&live](Stream& s) -> Task<> {
        const auto both = [](Stream& t, int& count) -> Task<> {
            co_await when_all(sleeping(t, 1s, count), sleeping(t, 2s, count));
            t.write("both;");
        };
        const auto which = co_await first_of(both(s, live), both(s, live), sleeping(s, 3s, live));
        s.write(std::to_string(which));
    }));
    driver.run();
    CHECK(live == 5);
    driver.advance(3s);
    CHECK(live == 0);
    // Both end at the same time. Only the first of them is heard.
    CHECK((peer.received() == "both;0" || peer.received() == "both;1"));
}

TEST_CASE("coroutine: one task reads while another writes") {
    testing::MemoryDriver driver;
    Stream* stream = nullptr;
    std::deque<std::string> outbox;
    auto& peer = driver.connect(coroutine([&](Stream& s) -> Task<> {
        stream = &s;
        const auto reader = [](Stream& t) -> Task<> {
            while (const auto in = co_await t.read_some()) t.write("got;");
        };
        const auto writer = [](Stream& t, std::deque<std::string>& box) -> Task<> {
            while (const auto woken = co_await t.wait()) {
                for (const std::string& each : std::exchange(box, {})) t.write(each);
            }
        };
        const auto which = co_await first_of(reader(s), writer(s, outbox));
        s.write(which == 0 ? "reader over" : "writer over");
    }));
    driver.run();
    peer.send("x");
    driver.run();
    outbox.emplace_back("push;");
    stream->wake();
    driver.run();
    CHECK(peer.received() == "got;push;");
    peer.shutdown_write();
    driver.run();
    CHECK(peer.received() == "got;push;reader over");
    CHECK(peer.closed());
}

TEST_CASE("coroutine: a read that first_of has ended leaves its bytes") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([](Stream& s) -> Task<> {
        const auto line = [](Stream& t) -> Task<> { (void)co_await t.read_until("\n"); };
        const auto pause = [](Stream& t) -> Task<> { co_await t.sleep_for(1s); };
        co_await first_of(line(s), pause(s));
        s.write("[" + text_of(co_await s.read_some()) + "]");
        co_await first_of(line(s), pause(s));
        s.write("[" + text_of(co_await s.read_some()) + "]");
    }));
    peer.send("part");
    driver.advance(1s);
    CHECK(peer.received() == "[part]");
    driver.advance(1s);
    peer.send("more");
    driver.run();
    CHECK(peer.received() == "[part][more]");
}
