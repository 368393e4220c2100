// What DatagramSocket and DatagramProtocol promise, on every datagram driver. Handlers may run in another
// thread. So they check nothing themselves, but note what they saw.
#include <stdexcept>

#include "datagram_drivers.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::Handler;

namespace {

std::string pattern_of(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 131 + i / 251);
    return text;
}

class DatagramStory {
public:
    explicit DatagramStory(DatagramDriver& driver) : driver_(driver) {}

    // Returns the next note, or "" if no note comes within ten seconds.
    std::string next() {
        for (int turn = 0; turn < 10'000; ++turn) {
            if (const auto line = journal_->next(0)) return *line;
            if (!driver_.pump()) return journal_->next(10'000).value_or("");
        }
        return "";
    }
    bool over() { return !journal_->next(0); }

    // Notes every callback except on_datagrams, then calls what is set in `does`.
    std::unique_ptr<DatagramProtocol> handler(Handler::Does does = {}) {
        const auto j = journal_;
        Handler::Does noting;
        noting.on_open = [j, then = does.on_open](DatagramSocket& s) {
            j->note("open");
            if (then) then(s);
        };
        noting.on_datagram = [j, then = does.on_datagram](DatagramSocket& s, Datagram& in) {
            j->note("datagram of " + std::to_string(in.data.size()));
            if (then) then(s, in);
        };
        noting.on_datagrams = does.on_datagrams;
        noting.on_writable = [j, then = does.on_writable](DatagramSocket& s) {
            j->note("drain");
            if (then) then(s);
        };
        noting.on_error = [j, then = does.on_error](DatagramSocket& s, const DatagramError& e) {
            j->note("error: " + e.code.message() + ", " + std::to_string(e.size) + " bytes");
            if (then) then(s, e);
        };
        if (does.on_deadline)
            noting.on_deadline = [j, then = does.on_deadline](DatagramSocket& s) {
                j->note("deadline");
                then(s);
            };
        noting.on_close = [j](std::error_code why) { j->note_close(why); };
        return std::make_unique<Handler>(noting);
    }

private:
    DatagramDriver& driver_;
    std::shared_ptr<Journal> journal_ = std::make_shared<Journal>();
};

void bad(DatagramSocket&) {
    throw std::runtime_error("on purpose");
}

}  // namespace

DATAGRAM_CONTRACT("datagrams stay whole, also the empty and the largest one") {
    driver.start(std::make_unique<Handler>(test::datagram_echo()));
    const auto peer = driver.connect();
    const std::initializer_list<std::size_t> sizes{0, 1, 64, 512, 1472, 1473, 9000, 65'000, 65'507};
    for (const std::size_t size : sizes) {
        CAPTURE(size);
        peer->send(pattern_of(size));
        CHECK(peer->receive() == pattern_of(size));
    }
}

DATAGRAM_CONTRACT("each reply goes to its sender, with many datagrams in flight") {
    driver.start(std::make_unique<Handler>(test::datagram_echo()));
    std::vector<std::unique_ptr<DatagramFarEnd>> peers;
    for (int i = 0; i < 5; ++i) peers.push_back(driver.connect());
    for (int round = 0; round < 20; ++round) {
        for (std::size_t i = 0; i < peers.size(); ++i)
            for (int n = 0; n < 10; ++n)
                peers[i]->send(std::to_string(i) + ":" + std::to_string(round * 10 + n));
        for (std::size_t i = 0; i < peers.size(); ++i)
            for (int n = 0; n < 10; ++n)
                REQUIRE(peers[i]->receive() ==
                        std::to_string(i) + ":" + std::to_string(round * 10 + n));
    }
}

DATAGRAM_CONTRACT("the order of callbacks, with stopping as the reason at the driver's end") {
    DatagramStory story(driver);
    driver.start(story.handler(test::datagram_echo()));
    CHECK(story.next() == "open");
    const auto peer = driver.connect();
    peer->send("abc");
    CHECK(story.next() == "datagram of 3");
    peer->send("");
    CHECK(story.next() == "datagram of 0");
    driver.drain();
    CHECK(story.next() == close_line(errc::stopping));
    CHECK(story.over());
}

DATAGRAM_CONTRACT("an abort of the driver ends it as well") {
    DatagramStory story(driver);
    driver.start(story.handler());
    CHECK(story.next() == "open");
    driver.abort();
    CHECK(story.next() == close_line(errc::stopping));
    CHECK(story.over());
}

DATAGRAM_CONTRACT("close in on_open: only on_close follows, after the datagrams were sent") {
    DatagramStory story(driver);
    driver.start(story.handler({.on_open = [](DatagramSocket& s) { s.close(); }}));
    CHECK(story.next() == "open");
    CHECK(story.next() == close_line({}));
    driver.drain();
    CHECK(story.over());
}

DATAGRAM_CONTRACT(
    "close in on_datagram: the reply is sent, and the rest of the batch is not delivered") {
    DatagramStory story(driver);
    driver.start(story.handler({.on_datagram = [](DatagramSocket& s, Datagram& in) {
        s.send(in.from, "bye");
        s.close();
        s.close(errc::bad_option);             // the first close counts
        if (s.send(in.from, "never")) bad(s);  // dropped
    }}));
    CHECK(story.next() == "open");
    const auto peer = driver.connect();
    for (int i = 0; i < 3; ++i) peer->send("x");
    CHECK(peer->receive() == "bye");
    CHECK(story.next() == "datagram of 1");
    CHECK(story.next() == close_line({}));
    driver.drain();
    CHECK(story.over());
}

DATAGRAM_CONTRACT(
    "abort in on_datagram: queued datagrams are dropped, and on_close gets the reason") {
    DatagramStory story(driver);
    driver.start(story.handler({.on_datagram = [](DatagramSocket& s, Datagram&) {
        s.abort(errc::malformed_message);
        s.abort(errc::bad_option);
    }}));
    CHECK(story.next() == "open");
    driver.connect()->send("x");
    CHECK(story.next() == "datagram of 1");
    CHECK(story.next() == close_line(errc::malformed_message));
    driver.drain();
    CHECK(story.over());
}

DATAGRAM_CONTRACT("close in on_deadline and in on_error") {
    DatagramStory story(driver);
    driver.start(
        story.handler({.on_open = [](DatagramSocket& s) { s.set_deadline(s.now()); },
                       .on_error = [](DatagramSocket& s, const DatagramError&) { s.close(); },
                       .on_deadline =
                           [](DatagramSocket& s) {
                               s.send(DatagramAddress::of(Endpoint::udp("127.0.0.1", 9)).value(),
                                      std::string(70'000, 'x'));
                           }}));
    CHECK(story.next() == "open");
    CHECK(story.next() == "deadline");
    const auto too_large = std::make_error_code(std::errc::message_size);
    CHECK(story.next() == "error: " + too_large.message() + ", 70000 bytes");
    CHECK(story.next() == close_line({}));
    driver.drain();
    CHECK(story.over());
}

DATAGRAM_CONTRACT("an exception of any callback costs the socket") {
    const auto expect = [&](DatagramDriver& d, Handler::Does does, bool sends, int before) {
        DatagramStory story(d);
        d.start(story.handler(std::move(does)));
        CHECK(story.next() == "open");
        if (sends) d.connect()->send("x");
        for (int i = 0; i < before; ++i) CHECK(story.next() != "");
        CHECK(story.next() == close_line(errc::handler_failed));
        d.drain();
        CHECK(story.over());
    };
    SUBCASE("on_open") {
        expect(driver, {.on_open = bad}, false, 0);
    }
    SUBCASE("on_datagram") {
        expect(driver, {.on_datagram = [](DatagramSocket& s, Datagram&) { bad(s); }}, true, 1);
    }
    SUBCASE("on_deadline") {
        expect(driver,
               {.on_open = [](DatagramSocket& s) { s.set_deadline(s.now()); }, .on_deadline = bad},
               false, 1);
    }
    SUBCASE("on_error") {
        expect(driver,
               {.on_datagram = [](DatagramSocket& s,
                                  Datagram& in) { s.send(in.from, std::string(70'000, 'x')); },
                .on_error = [](DatagramSocket& s, const DatagramError&) { bad(s); }},
               true, 2);
    }
}

DATAGRAM_CONTRACT("a deadline comes once, is replaced and disarmed, and by default aborts") {
    DatagramStory story(driver);
    const auto count = std::make_shared<int>(0);
    driver.start(story.handler({.on_open =
                                    [](DatagramSocket& s) {
                                        s.set_deadline(s.now() + 1h);
                                        s.set_deadline(s.now() + 5ms);
                                    },
                                .on_datagram =
                                    [](DatagramSocket& s, Datagram&) {
                                        s.set_deadline(s.now() + 5ms);
                                        s.set_deadline(Clock::time_point::max());
                                    },
                                .on_deadline =
                                    [count](DatagramSocket& s) {
                                        if (++*count == 2)
                                            s.close();
                                        else
                                            s.set_deadline(s.now() + 20ms);
                                    }}));
    CHECK(story.next() == "open");
    CHECK(story.next() == "deadline");
    CHECK(story.next() == "deadline");
    CHECK(story.next() == close_line({}));
    driver.drain();
    CHECK(story.over());
}

DATAGRAM_CONTRACT("the default of on_deadline") {
    DatagramStory story(driver);
    driver.start(
        story.handler({.on_open = [](DatagramSocket& s) { s.set_deadline(s.now() + 5ms); }}));
    CHECK(story.next() == "open");
    CHECK(story.next() == close_line(std::make_error_code(std::errc::timed_out)));
    driver.drain();
    CHECK(story.over());
}

DATAGRAM_CONTRACT("a datagram above max_datagram is reported and dropped, and the others arrive") {
    DatagramStory story(driver);
    DatagramLimits limits;
    limits.max_datagram = 100;
    driver.start(story.handler(test::datagram_echo()), limits);
    CHECK(story.next() == "open");
    const auto peer = driver.connect();
    peer->send(pattern_of(101));
    CHECK(story.next() ==
          "error: " + make_error_code(errc::datagram_truncated).message() + ", 101 bytes");
    peer->send(pattern_of(100));
    CHECK(peer->receive() == pattern_of(100));
    driver.drain();
}

DATAGRAM_CONTRACT(
    "more than max_write_buffer in one callback is dropped and reported, and the rest arrives") {
    DatagramStory story(driver);
    DatagramLimits limits;
    limits.high_water = 200;
    limits.low_water = 100;
    limits.max_write_buffer = 1000;
    driver.start(story.handler({.on_datagram =
                                    [](DatagramSocket& s, Datagram& in) {
                                        if (s.send(in.from, pattern_of(937))) bad(s);  // 1001
                                        for (int i = 0; i < 30; ++i)
                                            s.send(in.from, pattern_of(30));
                                    }}),
                 limits);
    CHECK(story.next() == "open");
    const auto peer = driver.connect();
    peer->send("x");
    CHECK(story.next() == "datagram of 1");
    CHECK(story.next() ==
          "error: " + make_error_code(errc::write_queue_full).message() + ", 937 bytes");
    for (int i = 0; i < 30; ++i) CHECK(peer->receive() == pattern_of(30));
    driver.drain();
}

DATAGRAM_CONTRACT("addresses: local has the port, peer is empty, and from is the sender") {
    DatagramStory story(driver);
    driver.start(story.handler({.on_datagram = [](DatagramSocket& s, Datagram& in) {
        s.send(in.from, s.local().to_string() + " " + s.peer().to_string() + "|" +
                            in.from.endpoint().to_string());
    }}));
    const auto peer = driver.connect();
    peer->send("x");
    const std::string names = peer->receive().value_or("");
    CHECK(names.starts_with("udp://"));
    CHECK(names.find(":0 ") == std::string::npos);
    CHECK(names.ends_with(" |" + peer->at().to_string()));
}

DATAGRAM_CONTRACT("options are checked, and groups can be joined and left") {
    DatagramStory story(driver);
    driver.start(story.handler({.on_datagram = [](DatagramSocket& s, Datagram& in) {
        std::string said;
        said += s.set(DatagramOption::ttl, 255) ? "y" : "n";
        said += s.set(DatagramOption::ttl, 0) ? "y" : "n";
        said += s.set(DatagramOption::multicast_ttl, 0) ? "y" : "n";
        said += s.set(DatagramOption::multicast_ttl, 256) ? "y" : "n";
        said += s.set(DatagramOption::multicast_loop, 2) ? "y" : "n";
        said += s.set(DatagramOption::broadcast, 1) ? "y" : "n";
        said +=
            s.join(DatagramAddress::of(Endpoint::udp("239.1.2.3", 0)).value(), "lo") ? "y" : "n";
        said +=
            s.leave(DatagramAddress::of(Endpoint::udp("239.1.2.3", 0)).value(), "lo") ? "y" : "n";
        said +=
            s.leave(DatagramAddress::of(Endpoint::udp("239.1.2.3", 0)).value(), "lo") ? "y" : "n";
        s.send(in.from, said);
    }}));
    const auto peer = driver.connect();
    peer->send("x");
    CHECK(peer->receive() == "ynynnyyyn");
}

DATAGRAM_CONTRACT("errors are counted by kind, and above 64 kinds as left out") {
    DatagramStory story(driver);
    driver.start(story.handler({
        .on_open =
            [](DatagramSocket& s) {
                const std::string too_large(70'000, 'x');
                for (int round = 0; round < 3; ++round)
                    for (std::uint16_t port = 1; port <= 70; ++port)
                        s.send(DatagramAddress::of(Endpoint::udp("127.0.0.1", port)).value(),
                               too_large);
            },
        .on_error =
            [told = 0](DatagramSocket& s, const DatagramError& e) mutable {
                ++told;
                const bool left_out = told == 65;
                if (e.earlier || e.peer.port() != (left_out ? 0 : told)) bad(s);
                if (e.count != (left_out ? 18 : 3)) bad(s);
                if (left_out) s.close();
            },
    }));
    CHECK(story.next() == "open");
    const std::string too_large = std::make_error_code(std::errc::message_size).message();
    for (int i = 0; i < 64; ++i) CHECK(story.next() == "error: " + too_large + ", 70000 bytes");
    CHECK(story.next() ==
          "error: " + make_error_code(errc::errors_left_out).message() + ", 0 bytes");
    CHECK(story.next() == close_line({}));
    driver.drain();
    CHECK(story.over());
}
