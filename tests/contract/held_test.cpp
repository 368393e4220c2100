// A time-out is decided after the socket was read: what a peer did while a handler blocked its driver
// counts as in time.
#include "gate.hpp"
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// Calls `first` in on_open, then blocks there until the gate opens.
Callbacks held(const std::shared_ptr<const Gate>& gate,
               std::function<void(Connection&)> first = {}) {
    return {.on_open = [gate, first = std::move(first)](Connection& c) {
        if (first) first(c);
        gate->wait();
    }};
}

// Input that arrived during the wait must be delivered before the time-out.
void check_input(DriverUnderTest& driver, const Limits& limits) {
    if (!driver.has_thread()) {
        MESSAGE(
            "no time passes within a callback here"
            ": nothing checked");
        return;
    }
    const auto gate = std::make_shared<const Gate>();
    Story story(driver);
    driver.start(story.handler(held(gate)), limits);
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    peer->send("in time");
    driver.pass(60ms);
    gate->open();
    CHECK(story.next() == "data");
    peer->reset();
    CHECK(story.ending() != "");
    driver.drain();
}

// The peer reads during the wait. So the driver waits for it, and the peer gets everything.
void check_output(DriverUnderTest& driver, Limits limits, bool closes,
                  std::chrono::milliseconds held_for = 300ms) {
    if (!driver.has_thread()) {
        MESSAGE(
            "no time passes within a callback here"
            ": nothing checked");
        return;
    }
    const auto gate = std::make_shared<const Gate>();
    const std::string text = pattern(kMuch);
    limits.connection.max_write_buffer = 2 * kMuch;
    Story story(driver);
    const auto write = [&text, closes](Connection& c) {
        c.write(text);
        if (closes) c.close();
    };
    driver.start(reading_on(story.handler(held(gate, write))), limits);
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    std::string got = peer->receive(driver.leaves_at_once());
    driver.pass(held_for);
    gate->open();
    got += peer->receive(kMuch - got.size());
    // The comparison takes time in which the connection would be idle, so it comes last.
    peer->shutdown_write();
    CHECK(story.ending() == "close: orderly");
    CHECK((got == text));
    driver.drain();
}

}  // namespace

CONTRACT("idle_timeout is judged after the socket was polled") {
    check_input(driver, {.connection = {.idle_timeout = 20ms}});
}

CONTRACT("first_byte_timeout is judged after the socket was polled") {
    check_input(driver, {.connection = {.first_byte_timeout = 20ms}});
}

CONTRACT("write_stall_timeout is judged after the socket was polled") {
    check_output(driver, {.connection = {.write_stall_timeout = 250ms}}, false);
}

CONTRACT("close_timeout is judged after the socket was polled") {
    check_output(driver, {.connection = {.close_timeout = 250ms}}, true);
}

CONTRACT("idle_timeout is judged after the socket was polled for queued output") {
    // While the peer reads the last bytes from the socket buffers, the connection is already idle. This takes
    // long under a sanitizer.
    check_output(driver, {.connection = {.idle_timeout = 1s}}, false, 1050ms);
}
