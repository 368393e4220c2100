// What the next protocol gets if input, a FIN or a pause is pending when protocols are switched.
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// Echoes its input, and writes "end" after the FIN.
Callbacks polite() {
    Callbacks does = echo();
    does.on_eof = [](Connection& c) {
        c.write("end");
        c.close();
    };
    return does;
}

std::size_t switch_at(Connection& c, const ProtocolFactory& next, std::size_t used) {
    c.switch_to(next());
    return used;
}

// Returns all notes up to the second on_close, except "data", which depends on how the bytes were split.
std::string told(Story& story) {
    std::string all;
    for (int closes = 0; closes < 2;) {
        const std::string line = story.next();
        if (line.empty()) return all + "and nothing more";
        if (line.starts_with("close")) ++closes;
        if (line != "data") all += line + "; ";
    }
    return all;
}

// The peer sends `text` and a FIN to the protocol from `first`, which switches to a polite() one.
void check_handover(DriverUnderTest& driver, const std::function<Callbacks(ProtocolFactory)>& first,
                    const std::string& text, const std::string& reply, const std::string& lines) {
    Story story(driver);
    driver.start(story.handler(first(story.handler(polite()))),
                 {.server = {.drain_timeout = 100ms}});
    auto peer = driver.connect();
    peer->send(text);
    peer->shutdown_write();
    CHECK(peer->receive_all() == reply);
    CHECK(peer->end() == Peer::End::eof);
    CHECK(told(story) == lines);
    driver.drain();
    CHECK(story.over());
}

}  // namespace

CONTRACT("after a switch in on_eof the next protocol gets the FIN, too") {
    const auto first = [](const ProtocolFactory& next) {
        return Callbacks{.on_eof = [next](Connection& c) { c.switch_to(next()); }};
    };
    check_handover(driver, first, "x", "end",
                   "open; eof; close: orderly; open; eof; close: orderly; ");
}

CONTRACT("after a switch in on_data the next protocol gets the rest, and then the FIN") {
    const auto first = [](const ProtocolFactory& next) {
        return Callbacks{
            .on_data = [next](Connection& c, MutableBytes) { return switch_at(c, next, 1); }};
    };
    check_handover(driver, first, "xyz", "yzend",
                   "open; close: orderly; open; eof; close: orderly; ");
}

CONTRACT("after a switch the next protocol is not paused, and gets unread input and the FIN") {
    const auto first = [](const ProtocolFactory& next) {
        return Callbacks{.on_data =
                             [](Connection& c, MutableBytes) {
                                 c.pause_reading();
                                 c.set_deadline(c.now() + 20ms);
                                 return std::size_t{0};
                             },
                         .on_deadline = [next](Connection& c) { c.switch_to(next()); }};
    };
    check_handover(driver, first, "xyz", "xyzend",
                   "open; deadline; close: orderly; open; eof; close: orderly; ");
}

CONTRACT("after a switch in on_open the next protocol gets all the input") {
    const auto first = [](const ProtocolFactory& next) {
        return Callbacks{.on_open = [next](Connection& c) { c.switch_to(next()); }};
    };
    check_handover(driver, first, "xyz", "xyzend",
                   "open; close: orderly; open; eof; close: orderly; ");
}

CONTRACT("after a switch behind a pause and a resume the next protocol gets the held input") {
    const auto first = [](const ProtocolFactory& next) {
        return Callbacks{.on_data =
                             [](Connection& c, MutableBytes) {
                                 c.pause_reading();
                                 c.resume_reading();
                                 return std::size_t{0};
                             },
                         .on_resume = [next](Connection& c) { c.switch_to(next()); }};
    };
    check_handover(driver, first, "x", "xend",
                   "open; resume; close: orderly; open; eof; close: orderly; ");
}

CONTRACT("a switch keeps all output of the first protocol") {
    const std::string text = pattern(300'000);
    const auto first = [&text](const ProtocolFactory& next) {
        return Callbacks{.on_data = [&text, next](Connection& c, MutableBytes in) {
            c.write(text);
            return switch_at(c, next, in.size());
        }};
    };
    check_handover(driver, first, "x", text + "end",
                   "open; close: orderly; open; eof; close: orderly; ");
}

CONTRACT("after shutdown_write and a switch the next protocol may read, but not write") {
    Story story(driver);
    const ProtocolFactory next = story.handler(polite());
    Callbacks first;
    first.on_data = [next](Connection& c, MutableBytes) {
        c.write("all");
        c.shutdown_write();
        return switch_at(c, next, 1);
    };
    driver.start(story.handler(first), {.server = {.drain_timeout = 100ms}});
    auto peer = driver.connect();
    peer->send("xy");
    CHECK(peer->receive_all() == "all");
    CHECK(peer->end() == Peer::End::eof);
    peer->shutdown_write();
    CHECK(told(story) == "open; close: orderly; open; eof; close: orderly; ");
    driver.drain();
}

CONTRACT("a deadline is not passed to the next protocol") {
    Story story(driver);
    const ProtocolFactory next = story.handler(polite());
    Callbacks first;
    first.on_open = [](Connection& c) { c.set_deadline(c.now() + 50ms); };
    first.on_data = [next](Connection& c, MutableBytes in) {
        return switch_at(c, next, in.size());
    };
    driver.start(story.handler(first), {});
    auto peer = driver.connect();
    peer->send("x");
    driver.pass(70ms);
    CHECK(peer->round_trip("y") == "y");
    peer->shutdown_write();
    CHECK(peer->receive_all() == "end");
    const std::string lines = told(story);
    CHECK(lines.ends_with("close: orderly; open; eof; close: orderly; "));
    driver.drain();
}
