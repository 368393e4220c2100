// Deadlines, pauses, upgrades, files.
#include <set>

#include "file_of.hpp"
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::file_of;

namespace {

std::string late(Clock::time_point now, Clock::time_point due) {
    return now >= due ? "in time" : "early";
}

}  // namespace

CONTRACT("a deadline comes once, never early, and can be armed again") {
    Callbacks ticking;
    ticking.on_open = [](Connection& c) { c.set_deadline(c.now() + 5ms); };
    const auto make = [ticking] {
        Callbacks mine = ticking;
        const auto left = std::make_shared<int>(3);
        const auto due = std::make_shared<Clock::time_point>(Clock::time_point::min());
        mine.on_deadline = [left, due](Connection& c) {
            c.write(late(c.now(), *due) + ";");
            if (--*left == 0) return c.close();
            *due = c.now() + 5ms;
            c.set_deadline(*due);
        };
        return mine;
    };
    driver.start(callbacks(make), {});
    CHECK(driver.connect()->receive_all() == "in time;in time;in time;");
    driver.drain();
}

CONTRACT("arming again replaces a deadline, and max() disarms it") {
    Story story(driver);
    Callbacks changing;
    changing.on_open = [](Connection& c) {
        c.set_deadline(c.now() + 1ms);
        c.set_deadline(Clock::time_point::max());
    };
    changing.on_data = [](Connection& c, MutableBytes in) {
        c.set_deadline(c.now() + 1h);
        c.set_deadline(c.now() + 2ms);
        return in.size();
    };
    changing.on_deadline = [](Connection& c) { c.close(); };
    driver.start(story.handler(changing), {});
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    peer->send("x");
    for (const char* expected : {"data", "deadline", "close: orderly"})
        CHECK(story.next() == expected);
    driver.drain();
}

CONTRACT("extreme deadlines: one beyond the clock's range, and one that is long past") {
    Story story(driver);
    Callbacks extreme;
    extreme.on_open = [](Connection& c) {
        c.set_deadline(Clock::time_point::max() - std::chrono::nanoseconds(1));
    };
    extreme.on_data = [](Connection& c, MutableBytes in) {
        c.set_deadline(Clock::time_point::min());
        return in.size();
    };
    extreme.on_deadline = [](Connection& c) { c.close(); };
    driver.start(story.handler(extreme), {});
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.pass(10ms);
    peer->send("x");
    for (const char* expected : {"data", "deadline", "close: orderly"})
        CHECK(story.next() == expected);
    driver.drain();
}

CONTRACT("a deadline without a handler ends the connection") {
    Story story(driver);
    // Not in on_open: the peer could be reset before it has noticed that it is connected.
    const auto arm = [](Connection& c, MutableBytes in) {
        c.set_deadline(c.now() + 5ms);
        return in.size();
    };
    driver.start(story.handler({.on_data = arm}), {});
    auto peer = driver.connect();
    peer->send("x");
    CHECK(peer->end() == Peer::End::reset);
    for (const auto& expected : {std::string("open"), std::string("data"), std::string("deadline"),
                                 close_line(std::make_error_code(std::errc::timed_out))})
        CHECK(story.next() == expected);
    driver.drain();
}

CONTRACT("a deadline comes even if bytes arrive without a pause") {
    Callbacks busy = echo();
    busy.on_open = [](Connection& c) { c.set_deadline(c.now() + 20ms); };
    busy.on_deadline = [](Connection& c) {
        c.write("#");
        c.close();
    };
    driver.start(callbacks([=] { return busy; }), {});
    auto peer = driver.connect();
    std::string got = ".";
    while (got == ".") got = peer->round_trip(".");
    CHECK(got == "#");
    driver.drain();
}

CONTRACT("a paused handler gets no input until it resumes") {
    Story story(driver);
    Callbacks pausing;
    pausing.on_data = [](Connection& c, MutableBytes in) {
        c.write(in.first(1));
        c.pause_reading();
        c.set_deadline(c.now() + 5ms);
        return std::size_t{1};
    };
    pausing.on_deadline = [](Connection& c) {
        c.write("|");
        c.resume_reading();
    };
    driver.start(story.handler(pausing), {});
    auto peer = driver.connect();
    peer->send("ab");
    CHECK(peer->receive(4) == "a|b|");
    peer->send("c");
    peer->shutdown_write();  // the FIN must wait too
    CHECK(peer->receive_all() == "c|");
    driver.drain();
    std::string all;
    for (std::string line = story.next(); !line.starts_with("close"); line = story.next())
        all += (line == "resume" ? "" : line) + " ";
    CHECK(all.ends_with("data deadline  eof "));
}

CONTRACT("a pause and a resume in one callback lose nothing") {
    Callbacks nervous;
    nervous.on_data = [](Connection& c, MutableBytes in) {
        c.pause_reading();
        c.write(in.first(1));
        c.resume_reading();
        return std::size_t{1};
    };
    driver.start(callbacks([=] { return nervous; }), {});
    CHECK(driver.connect()->round_trip("hello") == "hello");
    driver.drain();
}

CONTRACT("an upgrade passes on the unread bytes") {
    Story story(driver);
    Callbacks second = echo();
    second.on_open = [](Connection& c) { c.write("welcome;"); };
    Callbacks first;
    const auto next = std::make_shared<ProtocolFactory>(story.handler(second));
    first.on_data = [next](Connection& c, MutableBytes in) -> std::size_t {
        if (in.size() < 4) return 0;
        c.switch_to((*next)());
        return 4;
    };
    driver.start(story.handler(first), {});
    auto peer = driver.connect();
    peer->send("UPG\nrest");
    CHECK(peer->receive(12) == "welcome;rest");
    CHECK(peer->round_trip("more") == "more");
    peer->shutdown_write();
    CHECK(peer->end() == Peer::End::eof);
    std::string all;
    for (std::string line = story.next(); line != ""; line = story.next()) {
        if (line != "data") all += line + "; ";
        if (line.starts_with("close") && all.find("eof") != std::string::npos) break;
    }
    CHECK(all == "open; close: orderly; open; eof; close: orderly; ");
    driver.drain();
    CHECK(story.over());
}

CONTRACT("files are sent in order with other output") {
    const std::string text = pattern(500'000);
    const auto file = file_of(text);
    Callbacks sending;
    sending.on_open = [file](Connection& c) {
        c.write("<");
        c.send_file({.file = file, .offset = 10, .length = 400'000});
        c.write("|");
        c.send_file({.file = file, .offset = 0, .length = 3});
        c.write(">");
        c.close();
    };
    driver.start(callbacks([=] { return sending; }), {});
    CHECK(driver.connect()->receive_all() ==
          "<" + text.substr(10, 400'000) + "|" + text.substr(0, 3) + ">");
    driver.drain();
}

CONTRACT("a file that is too short does not look complete to the peer") {
    Story story(driver);
    const auto file = file_of("short");
    Callbacks sending;
    // Not in on_open: the reset could arrive before connect() has returned, and make it fail.
    sending.on_data = [file](Connection& c, MutableBytes in) {
        c.send_file({.file = file, .offset = 0, .length = 6});
        c.close();
        return in.size();
    };
    driver.start(story.handler(sending), {});
    auto peer = driver.connect();
    peer->send("go");
    (void)peer->receive_all();
    CHECK(peer->end() == Peer::End::reset);
    CHECK(story.next() == "open");
    CHECK(story.next() == "data");
    CHECK(story.next() == close_line(errc::file_too_short));
    driver.drain();
}

CONTRACT("a connection knows its ends, and has its own id") {
    Callbacks telling;
    telling.on_open = [](Connection& c) {
        c.write(c.peer().to_string() + " " + c.local().to_string() + " " +
                std::to_string(c.id().slot) + "." + std::to_string(c.id().generation));
        c.close();
    };
    driver.start(callbacks([=] { return telling; }), {});
    std::set<std::string> ids;
    for (int i = 0; i < 5; ++i) {
        const std::string told = driver.connect()->receive_all();
        CHECK(told.find("  ") == std::string::npos);
        ids.insert(told.substr(told.rfind(' ')));
    }
    CHECK(ids.size() == 5);
    driver.drain();
}
