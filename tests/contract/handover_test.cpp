// What waits when protocols are switched: input, a FIN, a pause.
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// Gives back what it is sent, and says so at the end.
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

// All that was noted until the second on_close, but for "data", which depends on how bytes were cut.
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

// The peer sends `text` and a FIN to `first`, which switches to a polite one.
void check_handover(DriverUnderTest& driver, const std::function<Callbacks(ProtocolFactory)>& first,
                    const std::string& text, const std::string& reply, const std::string& lines) {
    Story story(driver);
    driver.start(story.handler(first(story.handler(polite()))), {.drain_deadline = 100ms});
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

CONTRACT("who is switched to inside on_eof hears of the FIN, too") {
    const auto first = [](const ProtocolFactory& next) {
        return Callbacks{.on_eof = [next](Connection& c) { c.switch_to(next()); }};
    };
    check_handover(driver, first, "x", "end",
                   "open; eof; close: orderly; open; eof; close: orderly; ");
}

CONTRACT("who is switched to in on_data gets the rest, and then the FIN") {
    const auto first = [](const ProtocolFactory& next) {
        return Callbacks{
            .on_data = [next](Connection& c, MutableBytes) { return switch_at(c, next, 1); }};
    };
    check_handover(driver, first, "xyz", "yzend",
                   "open; close: orderly; open; eof; close: orderly; ");
}

CONTRACT("who is switched to is not paused: unread input and the FIN come to it") {
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

CONTRACT("who is switched to in on_open gets all the input") {
    const auto first = [](const ProtocolFactory& next) {
        return Callbacks{.on_open = [next](Connection& c) { c.switch_to(next()); }};
    };
    check_handover(driver, first, "xyz", "xyzend",
                   "open; close: orderly; open; eof; close: orderly; ");
}

CONTRACT("who is switched to after a pause that was taken back hears what was held up") {
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

CONTRACT("a switch takes nothing of what the first protocol wrote") {
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

CONTRACT("a switch after shutdown_write: who comes next may read on, and writes nothing") {
    Story story(driver);
    const ProtocolFactory next = story.handler(polite());
    Callbacks first;
    first.on_data = [next](Connection& c, MutableBytes) {
        c.write("all");
        c.shutdown_write();
        return switch_at(c, next, 1);
    };
    driver.start(story.handler(first), {.drain_deadline = 100ms});
    auto peer = driver.connect();
    peer->send("xy");
    CHECK(peer->receive_all() == "all");
    CHECK(peer->end() == Peer::End::eof);
    peer->shutdown_write();
    CHECK(told(story) == "open; close: orderly; open; eof; close: orderly; ");
    driver.drain();
}

CONTRACT("a deadline is not handed on") {
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
