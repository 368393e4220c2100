// Which callbacks a protocol gets in a drain, and which connections may stay open during it.
#include "suite.hpp"
#include "system.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

Limits draining(std::chrono::milliseconds idle) {
    Limits limits;
    limits.server.drain_timeout =
        1h;  // longer than the test's own time limit, so no case may depend on it
    limits.connection.drain_idle_timeout = idle;
    return limits;
}

Callbacks told(bool busy) {
    Callbacks all = echo();
    all.on_shutdown = [](Connection&) {};
    all.is_busy = [busy] { return busy; };
    return all;
}

}  // namespace

CONTRACT("drain: an idle connection is told, and closed in an orderly way") {
    Story story(driver);
    driver.start(story.handler(told(false)), draining(10ms));
    auto peer = driver.connect();
    CHECK(peer->round_trip("x") == "x");
    CHECK(story.next() == "open");
    CHECK(story.next() == "data");
    driver.drain();
    CHECK(story.next() == "stop");
    CHECK(story.next() == "close: orderly");
    CHECK(story.over());
    CHECK(peer->end() == Peer::End::eof);
}

CONTRACT("drain: a connection that was idle before is closed at once") {
    driver.start(callbacks([] { return echo(); }), draining(300ms));
    auto peer = driver.connect();
    CHECK(peer->round_trip("x") == "x");
    driver.pass(400ms);
    const auto began = driver.now();
    driver.drain();
    // On other systems the idle time is counted from the start of the drain.
    if (test::system_tells_quiet()) CHECK(driver.now() - began < 200ms);
    CHECK(peer->end() == Peer::End::eof);
}

CONTRACT("drain: a connection that is in use is not closed, however often it is used") {
    driver.start(callbacks([] { return echo(); }), draining(1s));
    auto peer = driver.connect();
    CHECK(peer->round_trip("x") == "x");
    driver.begin_drain();
    for (int i = 0; i < 200; ++i) CHECK(peer->round_trip("again") == "again");
    driver.drain();
    CHECK(peer->end() == Peer::End::eof);
}

CONTRACT("drain: a handler with work in progress finishes it") {
    Story story(driver);
    Callbacks slow = late_reply(200ms);  // much longer than drain_idle_timeout
    slow.on_shutdown = [](Connection&) {};
    slow.is_busy = [] { return true; };
    driver.start(story.handler(slow), draining(1ms));
    auto peer = driver.connect();
    peer->send("x");
    CHECK(story.next() == "open");
    CHECK(story.next() == "data");
    driver.drain();
    CHECK(peer->receive_all() == "done");
    CHECK(story.next() == "stop");
    CHECK(story.next() == "deadline");
    CHECK(story.next() == "close: orderly");
    CHECK(story.over());
}

CONTRACT("drain: half a message is work in progress") {
    Callbacks pairs;  // answers two bytes at a time
    pairs.on_data = [](Connection& c, MutableBytes in) -> std::size_t {
        if (in.size() < 2) return 0;
        c.write(in.first(2));
        return 2;
    };
    driver.start(callbacks([pairs] { return pairs; }), draining(10ms));
    auto peer = driver.connect();
    CHECK(peer->round_trip("ab") == "ab");
    peer->send("c");
    driver.pass(50ms);
    driver.begin_drain();
    driver.pass(100ms);
    peer->send("d");
    CHECK(peer->receive(2) == "cd");
    driver.drain();
    CHECK(peer->end() == Peer::End::eof);
}

CONTRACT("drain: a handler that paused reading has work in progress") {
    Story story(driver);
    Callbacks slow;
    slow.on_open = [](Connection& c) {
        c.pause_reading();
        c.set_deadline(c.now() + 200ms);
    };
    slow.on_deadline = [](Connection& c) {
        c.write("ready");
        c.resume_reading();
    };
    driver.start(story.handler(slow), draining(1ms));
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.drain();
    CHECK(peer->receive_all() == "ready");
    CHECK(peer->end() == Peer::End::eof);
}

CONTRACT("drain: on_shutdown may write and close") {
    Story story(driver);
    Callbacks polite;
    polite.on_shutdown = [](Connection& c) {
        c.write("bye");
        c.close();
    };
    driver.start(story.handler(polite), draining(1h));
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.drain();
    CHECK(peer->receive_all() == "bye");
    CHECK(peer->end() == Peer::End::eof);
    CHECK(story.next() == "stop");
    CHECK(story.next() == "close: orderly");
    CHECK(story.over());
}

CONTRACT("drain: on_shutdown that throws costs its connection") {
    Story story(driver);
    Callbacks thrower;
    thrower.on_shutdown = [](Connection&) { throw std::runtime_error("no"); };
    driver.start(story.handler(thrower), draining(1h));
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.drain();
    CHECK(story.next() == "stop");
    CHECK(story.next() == close_line(errc::handler_failed));
    CHECK(story.over());
}

CONTRACT("drain: after a switch the next protocol is told as well, and decides for itself") {
    Story story(driver);
    const auto next = story.handler(told(false));
    Callbacks first = told(true);
    first.on_data = [next](Connection& c, MutableBytes in) {
        c.switch_to(next());
        return in.size();
    };
    driver.start(story.handler(first), draining(10ms));
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.begin_drain();
    CHECK(story.next() == "stop");
    peer->send("x");
    driver.drain();
    CHECK(story.next() == "data");
    CHECK(story.next() == "close: orderly");
    CHECK(story.next() == "open");
    CHECK(story.next() == "stop");
    CHECK(story.next() == "close: orderly");
    CHECK(story.over());
}
