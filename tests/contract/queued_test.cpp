// Connection::queued() and Connection::closing(): what a connection reports about itself.
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

Limits roomy_limits() {
    Limits limits;
    limits.connection.max_write_buffer = 2 * kMuch;
    limits.server.drain_timeout = 100ms;
    return limits;
}

// A handler cannot use CHECK. It notes what it sees, and the test compares.
void note(const std::shared_ptr<const Journal>& journal, const Connection& c) {
    journal->note(std::to_string(c.queued()) + (c.closing() ? " closing" : " open"));
}

std::string next_but_data(Story& story) {
    std::string line = story.next();
    while (line == "data") line = story.next();
    return line;
}

}  // namespace

CONTRACT("queued: output counts at once, until the peer has it") {
    Story story(driver);
    const auto journal = story.journal();
    Callbacks does;
    does.on_data = [journal](Connection& c, MutableBytes in) {
        note(journal, c);
        c.write("0123456789");
        note(journal, c);
        const Bytes pieces[] = {as_bytes("abc"), as_bytes(""), as_bytes("de")};
        c.write(pieces);
        c.write_shared(std::make_shared<const std::vector<std::byte>>(5));
        note(journal, c);
        return in.size();
    };
    driver.start(story.handler(does), {});
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    for (int i = 0; i < 2; ++i) {
        peer->send("x");
        for (const char* expected : {"0 open", "10 open", "20 open"})
            CHECK(next_but_data(story) == expected);
        CHECK(peer->receive(20).size() == 20);
    }
    peer->shutdown_write();
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT(
    "queued: output that a peer does not read counts, layers included, and falls as it reads") {
    Story story(driver);
    const auto journal = story.journal();
    const std::string text = pattern(kMuch);
    Callbacks does;
    does.on_data = [&text, journal](Connection& c, MutableBytes in) {
        c.write(text);
        const std::size_t queued = c.queued();
        journal->note(queued > kMuch / 4 && queued <= kMuch ? "much" : std::to_string(queued));
        return in.size();
    };
    does.on_writable = [journal](Connection& c) {
        journal->note(c.queued() <= ConnectionLimits().low_water ? "little"
                                                                 : std::to_string(c.queued()));
    };
    driver.start(reading_on(story.handler(does)), roomy_limits());
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    peer->send("x");
    CHECK(next_but_data(story) == "much");
    CHECK((peer->receive(kMuch) == text));
    CHECK(next_but_data(story) == "little");
    peer->shutdown_write();
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT("closing: true after close() and abort(), but not after a FIN, a pause or a switch") {
    if (driver.encrypts()) {
        MESSAGE("the tickets of TLS are still queued when on_open is called: nothing checked");
        return;
    }
    Story story(driver);
    const auto journal = story.journal();
    Callbacks second;
    second.on_open = [journal](Connection& c) {
        note(journal, c);
        c.write("bye");
        c.close();
        note(journal, c);
        c.abort(errc::malformed_message);
        note(journal, c);
    };
    const ProtocolFactory next = story.handler(second);
    Callbacks first;
    first.on_open = [journal](Connection& c) { note(journal, c); };
    first.on_data = [journal, next](Connection& c, MutableBytes in) {
        c.pause_reading();
        c.shutdown_write();
        c.switch_to(next());
        note(journal, c);
        return in.size();
    };
    driver.start(story.handler(first), {});
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    CHECK(story.next() == "0 open");
    peer->send("x");
    CHECK(next_but_data(story) == "0 open");
    CHECK(story.next() == "close: orderly");
    // The FIN is sent or queued, so "bye" is no longer accepted.
    for (const char* expected : {"open", "0 open", "0 closing", "0 closing"})
        CHECK(story.next() == expected);
    CHECK(story.ending() == close_line(errc::malformed_message));
    driver.drain();
}

CONTRACT("queued and closing: close keeps the output, abort drops it") {
    Story story(driver);
    const auto journal = story.journal();
    Callbacks does;
    does.on_data = [journal](Connection& c, MutableBytes in) {
        c.write("0123456789");
        c.close();
        note(journal, c);
        c.abort(errc::malformed_message);
        note(journal, c);
        return in.size();
    };
    driver.start(story.handler(does), {});
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    peer->send("x");
    CHECK(next_but_data(story) == "10 closing");
    CHECK(story.next() == "0 closing");
    CHECK(story.ending() == close_line(errc::malformed_message));
    driver.drain();
}

CONTRACT("closing: true also when the driver closes the connection") {
    if (!driver.posts()) {
        MESSAGE("only its own callbacks reach a connection here: nothing checked");
        return;
    }
    Story story(driver);
    const auto journal = story.journal();
    const auto id = std::make_shared<ConnectionId>();
    const std::string text = pattern(kMuch);
    Callbacks does;
    does.on_open = [id, &text](Connection& c) {
        *id = c.id();
        c.write(text);
    };
    Limits limits = roomy_limits();
    // then the driver closes the connection, which flushes
    limits.connection.max_connection_age = 20ms;
    driver.start(reading_on(story.handler(does)), limits);
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.pass(60ms);
    driver.post([&driver, id, journal] {
        const Connection* const found = driver.find(*id);
        if (found) journal->note(found->closing() && found->queued() > 0 ? "flushing" : "open");
    });
    CHECK(story.next() == "flushing");
    CHECK((peer->receive_all() == text));
    CHECK(story.ending() == close_line(errc::connection_age_over));
    driver.drain();
}
