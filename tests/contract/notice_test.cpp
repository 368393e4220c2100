// A driver notices what the peer does, even while it has other work or other things to wait for.
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

const std::string& reset_line() {
    static const std::string line =
        close_line({static_cast<int>(std::errc::connection_reset), std::system_category()});
    return line;
}

// An echo that sets its deadline to the current time again in every on_deadline. It does not note
// deadlines, because there are too many. On a driver whose clock stands still during callbacks, the
// deadline is a moment later.
ProtocolFactory restless(const DriverUnderTest& driver, std::shared_ptr<const Journal> journal) {
    const auto moment = driver.has_thread() ? 0us : 10us;
    const auto again = [moment](Connection& c) { c.set_deadline(c.now() + moment); };
    Callbacks does = echo();
    does.on_open = again;
    does.on_deadline = again;
    does.on_eof = [journal](Connection& c) {
        journal->note("eof");
        c.close();
    };
    does.on_close = [journal](std::error_code reason) { journal->note_close(reason); };
    return callbacks([does] { return does; });
}

Limits ending_soon() {
    Limits limits;
    limits.server.drain_timeout = 100ms;
    return limits;
}

}  // namespace

CONTRACT("a deadline that is always due again does not delay input, FIN and reset") {
    Story story(driver);
    driver.start(restless(driver, story.journal()), ending_soon());
    auto leaving = driver.connect();
    for (int i = 0; i < 3; ++i) CHECK(leaving->round_trip("hello") == "hello");
    leaving->shutdown_write();
    CHECK(story.next() == "eof");
    CHECK(leaving->end() == Peer::End::eof);
    CHECK(story.next() == "close: orderly");

    auto breaking = driver.connect();
    CHECK(breaking->round_trip("hello") == "hello");
    breaking->reset();
    CHECK(story.next() == reset_line());
    driver.drain();
    CHECK(story.over());
}

CONTRACT("a deadline that is always due again does not delay a stop") {
    Story story(driver);
    Limits limits;
    limits.server.drain_timeout = 1h;
    limits.connection.drain_idle_timeout = 10ms;
    driver.start(restless(driver, story.journal()), limits);
    auto peer = driver.connect();
    CHECK(peer->round_trip("hello") == "hello");
    driver.drain();
    CHECK(story.next() == "close: orderly");
    CHECK(story.over());
}

CONTRACT("a deadline that is always due again does not delay the time-outs") {
    Story story(driver);
    Limits limits = ending_soon();
    limits.connection.idle_timeout = 50ms;
    driver.start(restless(driver, story.journal()), limits);
    auto peer = driver.connect();
    CHECK(peer->round_trip("hello") == "hello");
    CHECK(story.next() == close_line(errc::idle_timed_out));
    driver.drain();
}

namespace {

// On the peer's first byte the handler does `action`, after which it does not wait for input. Then it notes
// "ready".
void check_reset_noticed(DriverUnderTest& driver, const std::function<void(Connection&)>& action,
                         bool after_fin) {
    Story story(driver);
    Callbacks does;
    does.on_data = [action](Connection& c, MutableBytes in) {
        action(c);
        return in.size();
    };
    does.on_eof = [action](Connection& c) { action(c); };
    driver.start(story.handler(does), ending_soon());
    auto peer = driver.connect();
    after_fin ? peer->shutdown_write() : peer->send("x");
    CHECK(story.next() == "open");
    CHECK(story.next() == (after_fin ? "eof" : "data"));
    driver.pass(5ms);  // so that the driver is already waiting
    peer->reset();
    CHECK(story.next() == reset_line());
    driver.drain();
    CHECK(story.over());
}

void with_deadline(Connection& c) {
    c.set_deadline(c.now() + 1h);
}

void paused(Connection& c) {
    c.pause_reading();
}

void paused_with_deadline(Connection& c) {
    paused(c);
    with_deadline(c);
}

}  // namespace

CONTRACT("a reset is noticed at once while reading is paused") {
    check_reset_noticed(driver, paused, false);
}

CONTRACT("a reset is noticed at once while reading is paused and a deadline is far off") {
    check_reset_noticed(driver, paused_with_deadline, false);
}

CONTRACT("a reset is noticed at once after the peer's FIN") {
    check_reset_noticed(
        driver, [](Connection&) {}, true);
}

CONTRACT("a reset is noticed at once after the peer's FIN and while a deadline is far off") {
    check_reset_noticed(driver, with_deadline, true);
}

CONTRACT("a reset is noticed at once after the peer's FIN and while reading is paused") {
    check_reset_noticed(driver, paused_with_deadline, true);
}

CONTRACT("a reset is noticed at once after our own FIN, while reading is paused") {
    const auto half = [](Connection& c) {
        c.shutdown_write();
        paused_with_deadline(c);
    };
    check_reset_noticed(driver, half, false);
}

CONTRACT("a reset is noticed at once behind input that waits for a pause to end") {
    Story story(driver);
    Callbacks pausing;
    pausing.on_open = paused_with_deadline;
    driver.start(story.handler(pausing), ending_soon());
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    peer->send("unread");
    driver.pass(5ms);
    peer->reset();
    CHECK(story.next() == reset_line());
    driver.drain();
    CHECK(story.over());
}
