// The time-outs that are options: whatever the handler does, and without a timer of its own.
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

void expect_end(Story& story, std::error_code why) {
    std::string line = story.next();
    while (line == "open" || line == "data" || line == "deadline") line = story.next();
    CHECK(line == close_line(why));
}

// Writes every so often, and never reads what it is sent in time to matter.
Callbacks ticking(std::chrono::milliseconds period) {
    Callbacks does;
    does.on_open = [period](Connection& c) { c.set_deadline(c.now() + period); };
    does.on_deadline = [period](Connection& c) {
        c.write(".");
        c.set_deadline(c.now() + period);
    };
    return does;
}

}  // namespace

CONTRACT("idle_timeout ends a connection on which nothing moves, in good order") {
    Story story(driver);
    driver.start(story.handler(echo()), {.idle_timeout = 30ms});
    auto peer = driver.connect();
    CHECK(peer->round_trip("hello") == "hello");
    CHECK(peer->end() == Peer::End::eof);
    expect_end(story, errc::idle_timed_out);
    driver.drain();
    CHECK(story.over());
}

CONTRACT("idle_timeout starts anew with each byte, from the peer or to it") {
    Story story(driver);
    Callbacks sending = ticking(50ms);
    driver.start(story.handler(sending), {.idle_timeout = 500ms});
    auto peer = driver.connect();
    CHECK(peer->receive(16) == "................");  // 800 ms of it
    peer->shutdown_write();
    CHECK(peer->end() != Peer::End::none);
    driver.drain();
    std::string line = story.next();
    while (!line.starts_with("close")) line = story.next();
    CHECK(line == "close: orderly");
}

CONTRACT("first_byte_timeout ends a connection whose peer says nothing") {
    Story story(driver);
    driver.start(story.handler(ticking(10ms)), {.first_byte_timeout = 50ms});
    auto peer = driver.connect();
    CHECK(peer->receive_all().starts_with("."));
    expect_end(story, errc::first_byte_timed_out);
    driver.drain();
}

CONTRACT("first_byte_timeout is over with the first byte") {
    Story story(driver);
    Callbacks patient = ticking(30ms);
    patient.on_data = [](Connection&, MutableBytes) { return std::size_t{0}; };
    driver.start(story.handler(patient), {.first_byte_timeout = 200ms});
    auto peer = driver.connect();
    peer->send("x");
    CHECK(peer->receive(10) == "..........");
    peer->reset();
    expect_end(story, std::make_error_code(std::errc::connection_reset));
    driver.drain();
}

CONTRACT("lifetime ends a connection however busy it is, and what was written arrives") {
    Story story(driver);
    driver.start(story.handler(echo()), {.lifetime = 100ms, .close_timeout = 100ms});
    auto peer = driver.connect();
    std::string got = ".";
    while (got == ".") got = peer->round_trip(".");
    CHECK(got == "");
    expect_end(story, errc::lifetime_over);
    driver.drain();
}

CONTRACT("the time-outs are none by default, and none of them is early") {
    Story story(driver);
    driver.start(story.handler({.on_open = [](Connection& c) { c.set_deadline(c.now() + 90ms); },
                                .on_deadline = [](Connection& c) { c.write("still here"); }}),
                 {.first_byte_timeout = 100ms, .idle_timeout = 100ms, .lifetime = 240h});
    auto peer = driver.connect();
    CHECK(peer->receive(10) == "still here");
    CHECK(peer->end() != Peer::End::none);
    expect_end(story, errc::first_byte_timed_out);
    driver.drain();
}
