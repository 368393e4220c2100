// What the peer does is noticed, whatever else there is to do or to wait for.
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

const std::string& reset_line() {
    static const std::string line =
        close_line({static_cast<int>(std::errc::connection_reset), std::system_category()});
    return line;
}

// An echo whose deadline is due again as soon as it came. It notes no deadlines: they are many. Where
// the clock stands still while anything happens, "at once" is a moment later.
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
    limits.drain_deadline = 100ms;
    return limits;
}

}  // namespace

CONTRACT("a deadline that is due again at once keeps nobody from input, FIN and reset") {
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

CONTRACT("a deadline that is due again at once keeps nobody from a stop") {
    Story story(driver);
    Limits limits;
    limits.drain_deadline = 1h;
    limits.drain_idle = 10ms;
    driver.start(restless(driver, story.journal()), limits);
    auto peer = driver.connect();
    CHECK(peer->round_trip("hello") == "hello");
    driver.drain();
    CHECK(story.next() == "close: orderly");
    CHECK(story.over());
}

CONTRACT("a deadline that is due again at once keeps nobody from the time-outs") {
    Story story(driver);
    Limits limits = ending_soon();
    limits.idle_timeout = 50ms;
    driver.start(restless(driver, story.journal()), limits);
    auto peer = driver.connect();
    CHECK(peer->round_trip("hello") == "hello");
    CHECK(story.next() == close_line(errc::idle_timed_out));
    driver.drain();
}

namespace {

// Does `action` once, on the peer's byte, and is then in no hurry to hear more; "ready" once it is so.
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
    driver.pass(5ms);  // it waits already
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
