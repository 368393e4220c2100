// How connections end, and that the handler decides it.
#include <unistd.h>

#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// A handler cannot use CHECK, because it may run in a child process. An exception that it throws shows in
// on_close.
void must_refuse(Connection& c) {
    if (c.write("more")) throw std::logic_error("write() should have answered false");
}

// Counts calls, also across forked processes: the pipe holds one byte for each turn that is left.
class Turns {
public:
    Turns() {
        REQUIRE(::pipe(ends_) == 0);
        REQUIRE(::write(ends_[1], "\0\1\2\3", 4) == 4);
    }
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;
    ~Turns() {
        for (const int end : ends_) ::close(end);
    }
    std::size_t next() const {
        unsigned char turn = 0;
        return ::read(ends_[0], &turn, 1) == 1 ? turn : 99;
    }

private:
    int ends_[2];
};

}  // namespace

CONTRACT("close inside every callback sends all output, and ends in an orderly way") {
    const auto action = [](Connection& c) {
        c.write("bye");
        c.close();
        must_refuse(c);
        c.close(errc::malformed_message);  // the first reason counts
    };
    check_everywhere(driver, action, "close: orderly", [](Peer& peer) {
        CHECK(peer.receive_all() == "bye");
        CHECK(peer.end() == Peer::End::eof);
    });
}

CONTRACT("close carries its reason") {
    const auto action = [](Connection& c) { c.close(errc::malformed_message); };
    check_everywhere(driver, action, close_line(errc::malformed_message),
                     [](Peer& peer) { CHECK(peer.end() == Peer::End::eof); });
}

CONTRACT("abort inside every callback drops the output, and resets") {
    const auto action = [](Connection& c) {
        c.write("bye");
        c.abort(errc::malformed_message);
        must_refuse(c);
        c.close();
    };
    check_everywhere(driver, action, close_line(errc::malformed_message), [](Peer& peer) {
        CHECK(peer.receive_all() == "");
        CHECK(peer.end() == Peer::End::reset);
    });
}

CONTRACT("a throw inside every callback costs its connection and no other") {
    const auto action = [](Connection&) { throw std::runtime_error("on purpose"); };
    check_everywhere(driver, action, close_line(errc::handler_failed),
                     [](Peer& peer) { CHECK(peer.end() == Peer::End::reset); });
}

CONTRACT("using more bytes than offered is a failure") {
    Story story(driver);
    Callbacks liar;
    liar.on_data = [](Connection&, MutableBytes in) { return in.size() + 1; };
    driver.start(story.handler(liar), {});
    auto peer = driver.connect();
    peer->send("x");
    CHECK(peer->end() == Peer::End::reset);
    for (const auto& expected :
         {std::string("open"), std::string("data"), close_line(errc::handler_failed)})
        CHECK(story.next() == expected);
    driver.drain();
}

CONTRACT("a factory that throws or returns null refuses only its connection") {
    const auto turns = std::make_shared<Turns>();
    driver.start(
        [turns]() -> std::unique_ptr<Protocol> {
            const std::size_t turn = turns->next();
            if (turn == 0) throw std::runtime_error("on purpose");
            return turn == 1 ? nullptr : make_protocol(echo());
        },
        {});
    for (int refused = 0; refused < 2; ++refused) CHECK(driver.connect()->receive_all() == "");
    CHECK(driver.connect()->round_trip("hello") == "hello");
    driver.drain();
}

CONTRACT("the peer's reset is reported as a reset") {
    Story story(driver);
    driver.start(story.handler(), {});
    auto peer = driver.connect();
    peer->send("x");
    CHECK(story.next() == "open");
    CHECK(story.next() == "data");
    peer->reset();
    const std::error_code reset = std::make_error_code(std::errc::connection_reset);
    CHECK(story.next() == close_line({reset.value(), std::system_category()}));
    driver.drain();
    CHECK(story.over());
}

CONTRACT("after the peer's FIN a handler may go on writing") {
    Callbacks late;
    late.on_eof = [](Connection& c) {
        c.write("after the end");
        c.close();
    };
    driver.start(callbacks([=] { return late; }), {});
    auto peer = driver.connect();
    peer->send("x");
    peer->shutdown_write();
    CHECK(peer->receive_all() == "after the end");
    CHECK(peer->end() == Peer::End::eof);
    driver.drain();
}

CONTRACT("after its own FIN a handler may go on reading") {
    Story story(driver);
    Callbacks half;
    half.on_open = [](Connection& c) {
        c.write("that is all");
        c.shutdown_write();
        must_refuse(c);
    };
    driver.start(story.handler(half), {});
    auto peer = driver.connect();
    CHECK(peer->receive_all() == "that is all");
    CHECK(peer->end() == Peer::End::eof);
    CHECK(story.next() == "open");
    peer->send("x");
    CHECK(story.next() == "data");
    peer->shutdown_write();
    CHECK(story.next() == "eof");
    CHECK(story.next() == "close: orderly");
    driver.drain();
    CHECK(story.over());
}

CONTRACT("a connection ends after both FINs, even if its handler does not close it") {
    const std::string reply = pattern(300'000);
    const auto finish = [reply](Connection& c) {
        c.write(reply);
        c.shutdown_write();
    };
    const auto nothing = [](Connection&) {};
    Story story(driver);
    const auto turns = std::make_shared<Turns>();
    const std::vector<Callbacks> orders = {{.on_open = finish, .on_eof = nothing},
                                           {.on_eof = finish}};
    driver.start([=, &story] { return story.handler(orders[turns->next()])(); }, {});
    for (std::size_t i = 0; i < orders.size(); ++i) {
        auto peer = driver.connect();
        peer->shutdown_write();
        CHECK(peer->receive_all() == reply);
        CHECK(peer->end() == Peer::End::eof);
        for (const char* expected : {"open", "eof", "close: orderly"})
            CHECK(story.next() == expected);
    }
    driver.drain();
    CHECK(story.over());
}

CONTRACT("a write to a peer that has gone only returns false") {
    Story story(driver);
    const auto journal = story.journal();
    Callbacks stubborn;
    stubborn.on_data = [journal](Connection& c, MutableBytes in) {
        const std::string piece = pattern(100'000);
        while (c.write(piece)) {
        }
        journal->note("stopped");
        return in.size();
    };
    stubborn.on_writable = [](Connection& c) { (void)c.write(pattern(100'000)); };
    driver.start(story.handler(stubborn), {});
    auto peer = driver.connect();
    peer->send("x");
    CHECK(peer->receive(1000) == pattern(1000));
    peer->reset();
    CHECK(story.next() == "open");
    CHECK(story.next() == "data");
    CHECK(story.next() == "stopped");
    CHECK(story.next().starts_with("close: "));
    driver.drain();
}
