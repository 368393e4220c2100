// Sessions under every driver, in memory, below a layer and above TLS.
#include "../contract/suite.hpp"
#include "sessions.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

CONTRACT("coroutine: echo, of any size") {
    driver.start(coroutine(echo_session), {});
    auto peer = driver.connect();
    const std::string large = pattern(3'000'000);
    CHECK(peer->round_trip("hello") == "hello");
    CHECK(peer->round_trip(large) == large);
    peer->shutdown_write();
    CHECK(peer->end() == Peer::End::eof);
}

CONTRACT("coroutine: lines and bodies, to the end of input") {
    driver.start(
        coroutine([](Stream& s) -> Task<> {
            for (;;) {
                const auto line = co_await s.read_until("\n");
                if (!line) {
                    s.write(text_of(line));
                    co_return;
                }
                const auto size = static_cast<std::size_t>(std::stoul(std::string(as_text(*line))));
                std::string body(size, ' ');
                const auto got = co_await s.read_into(std::as_writable_bytes(std::span(body)));
                s.write(got ? body : text_of(got));
                if (!got) co_return;
            }
        }),
        {});
    {
        auto peer = driver.connect();
        const std::string large = pattern(1'000'000);
        peer->send("5\nhel");
        peer->send("lo1000000\n" + large + "0\n12");
        CHECK(peer->receive(5) == "hello");
        CHECK(peer->receive(large.size()) == large);
        peer->shutdown_write();
        CHECK(peer->receive_all() == "<part>");
        CHECK(peer->end() == Peer::End::eof);
    }
    auto peer = driver.connect();
    peer->send("5\nhel");
    peer->shutdown_write();
    CHECK(peer->receive_all() == "<part>");
}

CONTRACT("coroutine: a time-out, and a sleep") {
    driver.start(coroutine([](Stream& s) -> Task<> {
                     s.set_timeout(20ms);
                     s.write(text_of(co_await s.read_some()));
                     s.set_deadline(Clock::time_point::max());
                     const auto before = s.now();
                     co_await s.sleep_for(30ms);
                     s.write(s.now() - before >= 30ms ? "slept" : "early");
                 }),
                 {});
    auto peer = driver.connect();
    CHECK(peer->receive_all() == "<late>slept");
    CHECK(peer->end() == Peer::End::eof);
}

CONTRACT("coroutine: input that comes during a sleep is there afterwards") {
    driver.start(coroutine([](Stream& s) -> Task<> {
                     while (const auto in = co_await s.read_exactly(1)) {
                         const std::string copy(as_text(*in));
                         co_await s.sleep_for(2ms);
                         s.write(copy);
                     }
                     s.write(".");
                 }),
                 {});
    auto peer = driver.connect();
    peer->send("abcdefgh");
    peer->shutdown_write();
    CHECK(peer->receive_all() == "abcdefgh.");
}

CONTRACT("coroutine: a session is destroyed when its peer resets, and the next is served") {
    Story story(driver);
    driver.start(coroutine([journal = story.journal()](Stream& s) -> Task<> {
                     struct AtEnd {
                         const Journal& to;
                         ~AtEnd() { to.note("destroyed"); }
                     };
                     const AtEnd at_end{*journal};
                     s.write("hello");
                     (void)co_await s.read_exactly(100);
                     journal->note("read");
                 }),
                 {});
    for (int i = 0; i < 2; ++i) {
        auto peer = driver.connect();
        CHECK(peer->receive(5) == "hello");
        peer->send("x");
        peer->reset();
        CHECK(story.next() == "destroyed");
    }
}

CONTRACT("coroutine: a generator is held up by a peer that does not read") {
    driver.start(coroutine([](Stream& s) -> Task<> {
                     const std::string block = pattern(10'000);
                     for (std::size_t i = 0; i < kMuch; i += block.size()) {
                         if (!s.write(block)) co_await s.drain();
                     }
                 }),
                 {});
    auto peer = driver.connect();
    const std::string all = peer->receive_all();
    CHECK(all.size() >= kMuch);
    CHECK(all.substr(all.size() - 10'000) == pattern(10'000));
    CHECK(peer->end() == Peer::End::eof);
}

CONTRACT("coroutine: one that throws is reset, and others are served") {
    driver.start(coroutine([](Stream& s) -> Task<> {
                     if (const auto in = co_await s.read_exactly(1)) throw std::runtime_error("no");
                 }),
                 {});
    for (int i = 0; i < 2; ++i) {
        auto peer = driver.connect();
        peer->send("x");
        CHECK(peer->end() == Peer::End::reset);
    }
}
