// How a server ends while it is busy, and while its peers do nothing.
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

Limits draining_for(std::chrono::milliseconds deadline) {
    Limits limits;
    limits.server.drain_timeout = deadline;
    return limits;
}

// Long enough for a slow machine, and much shorter than the default of 30 s.
constexpr auto kPrompt = 8s;

// Writes without end, and notes how much was accepted.
Callbacks firehose(std::shared_ptr<const Journal> journal) {
    const auto total = std::make_shared<std::size_t>(0);
    const auto produce = [total](Connection& c) {
        const std::string piece = pattern(32'768);
        do *total += piece.size();
        while (c.write(piece));
    };
    return {.on_open = produce, .on_writable = produce, .on_close = [=](std::error_code) {
                journal->note(*total < 32 * 1024 * 1024 ? "bounded"
                                                        : "wrote " + std::to_string(*total));
            }};
}

}  // namespace

CONTRACT("an idle server stops at once") {
    driver.start(callbacks([] { return echo(); }), draining_for(30s));
    const auto before = Clock::now();
    driver.drain();
    CHECK(Clock::now() - before < kPrompt);
}

CONTRACT("a drain waits for open connections") {
    Story story(driver);
    driver.start(story.handler(late_reply(50ms)), draining_for(30s));
    auto peer = driver.connect();
    peer->send("x");
    CHECK(story.next() == "open");
    CHECK(story.next() == "data");
    driver.drain();
    CHECK(peer->receive_all() == "done");
    CHECK(story.next() == "deadline");
    CHECK(story.next() == "close: orderly");
    CHECK(story.over());
}

CONTRACT("a drain refuses connects at once, and goes on serving open connections") {
    driver.start(callbacks([] { return echo(); }), draining_for(1h));
    auto peer = driver.connect();
    CHECK(peer->round_trip("before") == "before");
    driver.begin_drain();
    const auto late = Clock::now() + kPrompt;
    bool refused = driver.refuses();
    while (!refused && Clock::now() < late) refused = driver.refuses();
    CHECK(refused);
    for (int i = 0; i < 100; ++i) CHECK(peer->round_trip("after") == "after");
    peer->shutdown_write();
    CHECK(peer->end() == Peer::End::eof);
    driver.drain();
}

CONTRACT("a drain ends connections that are still open at its deadline") {
    Story story(driver);
    driver.start(story.handler(), draining_for(50ms));
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    const auto before = Clock::now();
    driver.drain();
    CHECK(Clock::now() - before < kPrompt);
    CHECK(story.next() == close_line(errc::stopping));
    CHECK(story.over());
    CHECK(peer->end() == Peer::End::reset);
}

CONTRACT("an abort does not wait") {
    Story story(driver);
    driver.start(story.handler(), draining_for(1h));
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.abort();
    CHECK(story.next() == close_line(errc::stopping));
    CHECK(story.over());
}

CONTRACT("an abort reaches a handler that reads nothing") {
    Story story(driver);
    driver.start(story.handler({.on_open = [](Connection& c) { c.pause_reading(); }}),
                 draining_for(1h));
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.abort();
    CHECK(story.next() == close_line(errc::stopping));
}

CONTRACT("a peer that never reads costs bounded memory and does not delay the end") {
    Story story(driver);
    driver.start(story.handler(firehose(story.journal())), draining_for(50ms));
    auto peer = driver.connect();
    CHECK(peer->receive(1) == "a");
    CHECK(story.next() == "open");
    const auto before = Clock::now();
    driver.drain();
    CHECK(Clock::now() - before < kPrompt);
    CHECK(story.next() == close_line(errc::stopping));
    CHECK(story.next() == "bounded");
}

CONTRACT("a peer that never reads is aborted after the stall time-out") {
    Story story(driver);
    Limits limits;
    limits.connection.write_stall_timeout = 50ms;
    driver.start(story.handler(firehose(story.journal())), limits);
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    CHECK(story.next() == close_line(errc::write_stalled));
    CHECK(story.next() == "bounded");
    driver.drain();
}
