// A time-out is judged after the socket was asked: what a peer did while a handler held up its driver, it
// did in time.
#include "gate.hpp"
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMuch = 8 * 1024 * 1024;  // more than the buffers on the way to a peer hold

// Does `first` in on_open, then holds it until the gate opens.
Callbacks held(const std::shared_ptr<const Gate>& gate,
               std::function<void(Connection&)> first = {}) {
    return {.on_open = [gate, first = std::move(first)](Connection& c) {
        if (first) first(c);
        gate->wait();
    }};
}

// What came while the time went by must be told before the time-out.
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

// The peer reads while the time goes by; so it is waited for, and gets everything.
void check_output(DriverUnderTest& driver, Limits limits, bool closes) {
    if (!driver.has_thread()) {
        MESSAGE(
            "no time passes within a callback here"
            ": nothing checked");
        return;
    }
    const auto gate = std::make_shared<const Gate>();
    const std::string text = pattern(kMuch);
    limits.max_queued = 2 * kMuch;
    Story story(driver);
    const auto write = [&text, closes](Connection& c) {
        c.write(text);
        if (closes) c.close();
    };
    driver.start(reading_on(story.handler(held(gate, write))), limits);
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    std::string got = peer->receive(driver.leaves_at_once());
    driver.pass(300ms);
    gate->open();
    got += peer->receive(kMuch - got.size());
    CHECK((got == text));
    peer->shutdown_write();
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

}  // namespace

CONTRACT("idle_timeout is judged after the socket was asked") {
    check_input(driver, {.idle_timeout = 20ms});
}

CONTRACT("first_byte_timeout is judged after the socket was asked") {
    check_input(driver, {.first_byte_timeout = 20ms});
}

CONTRACT("write_stall_timeout is judged after the socket was asked") {
    check_output(driver, {.write_stall_timeout = 250ms}, false);
}

CONTRACT("close_timeout is judged after the socket was asked") {
    check_output(driver, {.close_timeout = 250ms}, true);
}

CONTRACT("idle_timeout is judged after the socket was asked whether it takes what is queued") {
    check_output(driver, {.idle_timeout = 250ms}, false);
}
