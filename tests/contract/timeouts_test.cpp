// The time-outs that are options. They work whatever the handler does, and need no timer in it.
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

void expect_end(Story& story, std::error_code why) {
    CHECK(story.ending() == close_line(why));
}

// Writes a byte per `period`.
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

CONTRACT("idle_timeout ends a connection on which nothing moves, in an orderly way") {
    Story story(driver);
    driver.start(story.handler(echo()), {.connection = {.idle_timeout = 30ms}});
    auto peer = driver.connect();
    CHECK(peer->round_trip("hello") == "hello");
    CHECK(peer->end() == Peer::End::eof);
    expect_end(story, errc::idle_timed_out);
    driver.drain();
    CHECK(story.over());
}

CONTRACT("idle_timeout restarts with each byte, from the peer or to it") {
    Story story(driver);
    Callbacks sending = ticking(50ms);
    driver.start(story.handler(sending), {.connection = {.idle_timeout = 500ms}});
    auto peer = driver.connect();
    CHECK(peer->receive(16) == "................");  // takes 800 ms
    peer->shutdown_write();
    CHECK(peer->end() != Peer::End::none);
    driver.drain();
    std::string line = story.next();
    while (!line.starts_with("close")) line = story.next();
    CHECK(line == "close: orderly");
}

CONTRACT("first_byte_timeout ends a connection whose peer sends nothing") {
    if (driver.encrypts()) {
        MESSAGE("the first byte is one of the TLS handshake: nothing checked");
        return;
    }
    Story story(driver);
    driver.start(story.handler(ticking(10ms)), {.connection = {.first_byte_timeout = 50ms}});
    auto peer = driver.connect();
    CHECK(peer->receive_all().starts_with("."));
    expect_end(story, errc::first_byte_timed_out);
    driver.drain();
}

CONTRACT("first_byte_timeout ends with the first byte") {
    Story story(driver);
    Callbacks patient = ticking(30ms);
    patient.on_data = [](Connection&, MutableBytes) { return std::size_t{0}; };
    driver.start(story.handler(patient), {.connection = {.first_byte_timeout = 200ms}});
    auto peer = driver.connect();
    peer->send("x");
    CHECK(peer->receive(10) == "..........");
    peer->reset();
    expect_end(story, std::make_error_code(std::errc::connection_reset));
    driver.drain();
}

CONTRACT("lifetime ends even a busy connection, and its output arrives") {
    Story story(driver);
    driver.start(story.handler(echo()),
                 {.connection = {.max_connection_age = 100ms, .close_timeout = 100ms}});
    auto peer = driver.connect();
    std::string got = ".";
    while (got == ".") got = peer->round_trip(".");
    CHECK(got == "");
    expect_end(story, errc::connection_age_over);
    driver.drain();
}

CONTRACT("there are no time-outs by default, and none of them is early") {
    Story story(driver);
    driver.start(
        story.handler({.on_open = [](Connection& c) { c.set_deadline(c.now() + 150ms); },
                       .on_deadline = [](Connection& c) { c.write("still here"); }}),
        {.connection = {
             .first_byte_timeout = 200ms, .idle_timeout = 200ms, .max_connection_age = 240h}});
    auto peer = driver.connect();
    CHECK(peer->receive(10) == "still here");
    CHECK(peer->end() != Peer::End::none);
    // The first bytes of TLS are those of its handshake.
    expect_end(story, driver.encrypts() ? errc::idle_timed_out : errc::first_byte_timed_out);
    driver.drain();
}

namespace {

// On the first byte the handler writes 8 MiB, more than can be sent at once, and closes. The close waits
// until everything is sent.
void check_patience(DriverUnderTest& driver, Limits limits) {
    const std::string text = pattern(8 * 1024 * 1024);
    Story story(driver);
    Callbacks parting;
    parting.on_data = [&text](Connection& c, MutableBytes in) {
        c.write(text);
        c.close();
        return in.size();
    };
    limits.connection.max_write_buffer = 16 * 1024 * 1024;
    driver.start(reading_on(story.handler(parting)), limits);
    auto peer = driver.connect();
    driver.pass(10ms);
    peer->send("x");
    driver.pass(10ms);
    CHECK((peer->receive_all() == text));
    CHECK(peer->end() == Peer::End::eof);
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

}  // namespace

CONTRACT("a time limit of milliseconds::max() is for ever: limits for the peer") {
    constexpr auto kMax = std::chrono::milliseconds::max();
    check_patience(
        driver, {.server = {.drain_timeout = kMax},
                 .connection = {
                     .connect_timeout = kMax, .write_stall_timeout = kMax, .close_timeout = kMax}});
}

CONTRACT("a time limit of milliseconds::max() is for ever: limits for the connection") {
    constexpr auto kMax = std::chrono::milliseconds::max();
    check_patience(driver, {.connection = {.first_byte_timeout = kMax,
                                           .idle_timeout = kMax,
                                           .max_connection_age = kMax,
                                           .drain_idle_timeout = kMax}});
}
