// How a close ends: what is still sent to the peer, what limits the time, and the reason that on_close
// gets.
#include "file_of.hpp"
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::file_of;

namespace {

Limits roomy() {
    Limits limits;
    limits.connection.max_write_buffer = 64 * 1024 * 1024;
    limits.server.drain_timeout = 100ms;  // limits a connection that should have ended by then
    return limits;
}

// On the first input, writes `text` and closes with the reason `why`.
ProtocolFactory parting(const Story& story, const std::string& text, std::error_code why = {}) {
    Callbacks does;
    does.on_data = [text, why](Connection& c, MutableBytes in) {
        c.write(text);
        c.close(why);
        return in.size();
    };
    return reading_on(story.handler(does));
}

}  // namespace

CONTRACT("a close that its peer blocks ends with close_timed_out, and not with its own reason") {
    Story story(driver);
    Limits limits = roomy();
    limits.connection.close_timeout = 50ms;
    driver.start(parting(story, pattern(kMuch), errc::malformed_message), limits);
    auto peer = driver.connect();
    peer->send("x");
    CHECK(story.ending() == close_line(errc::close_timed_out));
    CHECK(peer->receive_all().size() < kMuch);
    CHECK(peer->end() == Peer::End::reset);
    driver.drain();
    CHECK(story.over());
}

CONTRACT("a close that was flushed has its own reason, even if its peer sends no more") {
    Story story(driver);
    Limits limits = roomy();
    limits.connection.close_timeout = 50ms;
    Callbacks curt;  // leaves input unread, so the close has to wait for the rest of the input
    curt.on_data = [](Connection& c, MutableBytes) {
        c.write("bye");
        c.close(errc::malformed_message);
        return std::size_t{1};
    };
    driver.start(story.handler(curt), limits);
    auto peer = driver.connect();
    peer->send("xy");
    CHECK(peer->receive_all() == "bye");
    CHECK(story.ending() == close_line(errc::malformed_message));
    driver.drain();
}

CONTRACT("close_timeout bounds the time without progress: a slow reader gets everything") {
    constexpr std::size_t kPiece = 640 * 1024, kPieces = 18;
    Story story(driver);
    Limits limits = roomy();
    limits.connection.close_timeout = 250ms;
    const std::string text = pattern(kPiece * kPieces);
    driver.start(parting(story, text), limits);
    auto peer = driver.connect();
    peer->send("x");
    std::string got;
    for (std::size_t i = 0; i < kPieces;
         ++i) {  // 360 ms in total, with at most 20 ms between two pieces
        got += peer->receive(kPiece);
        driver.pass(20ms);
    }
    CHECK((got == text));  // too large to print
    CHECK(peer->end() == Peer::End::eof);
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT("write_stall_timeout bounds the time without progress, not the total time") {
    constexpr std::size_t kPiece = 640 * 1024, kPieces = 18;
    Limits limits = roomy();
    limits.connection.write_stall_timeout = 250ms;
    const std::string text = pattern(kPiece * kPieces);
    Story story(driver);
    Callbacks writing;
    writing.on_data = [&text](Connection& c, MutableBytes in) {
        c.write(text);
        return in.size();
    };
    driver.start(reading_on(story.handler(writing)), limits);
    auto peer = driver.connect();
    peer->send("x");
    std::string got;
    for (std::size_t i = 0; i < kPieces; ++i) {
        got += peer->receive(kPiece);
        driver.pass(20ms);
    }
    CHECK((got == text));
    peer->shutdown_write();
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT("close after all input was used ends at once, even if the peer goes on") {
    Story story(driver);
    Limits limits = roomy();
    limits.connection.close_timeout = 1h;
    const auto at_the_second = [&story] {
        Callbacks fours;  // closes at the second message; a message is four bytes
        fours.on_data = [n = 0](Connection& c, MutableBytes in) mutable -> std::size_t {
            if (in.size() < 4) return 0;
            c.write("ok");
            if (++n == 2) c.close();
            return 4;
        };
        return story.handler(fours)();
    };
    driver.start(at_the_second, limits);

    auto together = driver.connect();
    together->send("oneatwob");
    CHECK(together->receive_all() == "okok");
    CHECK(together->end() == Peer::End::eof);
    CHECK(story.ending() == "close: orderly");

    auto apart = driver.connect();
    apart->send("oneatw");
    CHECK(apart->receive(2) == "ok");
    apart->send("ob");
    CHECK(apart->receive_all() == "ok");
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT("close by the next protocol after a switch, with all input used, ends at once") {
    Story story(driver);
    Limits limits = roomy();
    limits.connection.close_timeout = 1h;
    Callbacks second;
    second.on_data = [](Connection& c, MutableBytes in) {
        c.close();
        return in.size();
    };
    const ProtocolFactory next = story.handler(second);
    driver.start(callbacks([next] {
                     return Callbacks{.on_data = [next](Connection& c, MutableBytes) {
                         c.switch_to(next());
                         return std::size_t{1};
                     }};
                 }),
                 limits);
    auto peer = driver.connect();
    peer->send("xyz");
    CHECK(peer->end() == Peer::End::eof);
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT("close after shutdown_write does not wait for the peer's FIN") {
    Story story(driver);
    Limits limits = roomy();
    limits.connection.close_timeout = 1h;
    Callbacks both;
    both.on_data = [](Connection& c, MutableBytes in) {
        c.write("bye");
        c.shutdown_write();
        c.close(errc::malformed_message);
        return in.size();
    };
    driver.start(story.handler(both), limits);
    auto peer = driver.connect();
    peer->send("x");
    CHECK(peer->receive_all() == "bye");
    CHECK(peer->end() == Peer::End::eof);
    CHECK(story.ending() == close_line(errc::malformed_message));
    driver.drain();
}

CONTRACT("close while a FIN waits behind a pause ends at once") {
    Story story(driver);
    Limits limits = roomy();
    limits.connection.close_timeout = 1h;
    Callbacks pausing;
    pausing.on_data = [](Connection& c, MutableBytes) {
        c.pause_reading();
        c.set_deadline(c.now() + 20ms);
        return std::size_t{0};
    };
    pausing.on_deadline = [](Connection& c) {
        c.write("bye");
        c.close();
    };
    driver.start(story.handler(pausing), limits);
    auto peer = driver.connect();
    peer->send("unread");
    peer->shutdown_write();
    CHECK(peer->receive_all() == "bye");
    CHECK(peer->end() == Peer::End::eof);
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT("after shutdown_write nothing is sent, however it is written") {
    Story story(driver);
    const auto file = file_of("not this");
    const auto all_ways = [file](Connection& c) {
        const auto buffer = std::make_shared<const std::vector<std::byte>>(3);
        bool taken = c.write("nor this") || c.write(std::span<const Bytes>());
        taken = c.write_shared(buffer) || taken;
        c.send_file({.file = file, .offset = 0, .length = 8});
        c.shutdown_write();
        if (taken) throw std::logic_error("a write should have answered false");
    };
    Callbacks half;
    half.on_open = [all_ways](Connection& c) {
        c.write("all");
        c.shutdown_write();
        all_ways(c);
    };
    half.on_data = [all_ways](Connection& c, MutableBytes in) {
        all_ways(c);
        return in.size();
    };
    driver.start(story.handler(half), {});
    auto peer = driver.connect();
    CHECK(peer->receive_all() == "all");
    CHECK(peer->end() == Peer::End::eof);
    peer->send("x");
    peer->shutdown_write();
    for (const char* expected : {"open", "data", "eof", "close: orderly"})
        CHECK(story.next() == expected);
    driver.drain();
    CHECK(story.over());
}

CONTRACT("abort while a file is being sent resets, and sends no more of it") {
    Story story(driver);
    const auto file = file_of(pattern(500'000));
    Callbacks sending;
    sending.on_data = [file](Connection& c, MutableBytes in) {
        c.write("<");
        c.send_file({.file = file, .offset = 0, .length = 500'000});
        c.write(">");
        c.abort(errc::malformed_message);
        return in.size();
    };
    driver.start(story.handler(sending), {});
    auto peer = driver.connect();
    peer->send("x");
    CHECK(peer->receive_all().find('>') == std::string::npos);
    CHECK(peer->end() == Peer::End::reset);
    CHECK(story.ending() == close_line(errc::malformed_message));
    driver.drain();
    CHECK(story.over());
}

CONTRACT("close, abort, a throw and a switch inside on_writable") {
    Story story(driver);
    const std::string text = pattern(kMuch);
    const ProtocolFactory next = story.handler({.on_open = [](Connection& c) { c.close(); }});
    const auto act = [next](Connection& c, char what) {
        if (what == 'c') c.close(errc::unsupported);
        if (what == 'a') c.abort(errc::malformed_message);
        if (what == 't') throw std::runtime_error("on purpose");
        if (what == 's') c.switch_to(next());
    };
    const auto draining = [&story, &text, act] {
        Callbacks does;
        const auto what = std::make_shared<char>();
        does.on_data = [&text, what](Connection& c, MutableBytes in) {
            *what = static_cast<char>(in[0]);
            c.write(text);
            return in.size();
        };
        does.on_writable = [act, what](Connection& c) { act(c, *what); };
        return reading_on(story.handler(does))();
    };
    driver.start(draining, roomy());
    const std::pair<const char*, std::string> ends[] = {{"c", close_line(errc::unsupported)},
                                                        {"a", close_line(errc::malformed_message)},
                                                        {"t", close_line(errc::handler_failed)},
                                                        {"s", "close: orderly"}};
    for (const auto& end : ends) {
        const char* const what = end.first;
        const std::string& line = end.second;
        CAPTURE(what);
        auto peer = driver.connect();
        peer->send(what);
        const std::string got = peer->receive_all();
        CHECK((got == text.substr(0, got.size())));
        const bool orderly = *what == 'c' || *what == 's';
        if (orderly) CHECK(got.size() == text.size());
        CHECK(peer->end() == (orderly ? Peer::End::eof : Peer::End::reset));
        CHECK(story.ending() == line);
        if (*what == 's') CHECK(story.ending() == "close: orderly");
    }
    driver.drain();
    CHECK(story.over());
}
