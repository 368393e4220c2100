// What counts against the cap of queued output: not what the peer has taken, and what is kept counts with
// the memory it uses.
#include "file_of.hpp"
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;
using test::file_of;

namespace {

constexpr std::size_t kCap = 64 * 1024;
constexpr std::size_t kPiece = 4 * 1024;
constexpr int kPieces = 48;  // three times the cap; fits into the buffers of a peer

Limits tight() {
    Limits limits;
    limits.connection.max_write_buffer = kCap;
    limits.connection.high_water = kCap / 4;
    limits.connection.low_water = kCap / 8;
    limits.server.drain_timeout = 100ms;
    return limits;
}

std::string flooded() {
    std::string all;
    for (int i = 0; i < kPieces; ++i) all += pattern(kPiece);
    return all;
}

// Keeps writing after write() has returned false, with each kind of write in turn, and then closes.
void flood(Connection& c) {
    const std::string text = pattern(kPiece);
    const Bytes piece = as_bytes(text);
    const auto shared = std::make_shared<const std::vector<std::byte>>(piece.begin(), piece.end());
    const Bytes halves[] = {piece.first(kPiece / 2), piece.subspan(kPiece / 2)};
    for (int i = 0; i < kPieces; i += 3) {
        c.write(piece);
        c.write(halves);
        c.write_shared(shared);
    }
    c.close();
}

void note_id(const std::shared_ptr<ConnectionId>& id, Connection& c) {
    if (*id == ConnectionId()) *id = c.id();
}

}  // namespace

CONTRACT("output that the peer reads is not too much, in any callback") {
    check_everywhere(
        driver, flood, "close: orderly",
        [](Peer& peer) {
            CHECK((peer.receive_all() == flooded()));
            CHECK(peer.end() == Peer::End::eof);
        },
        tight());
}

CONTRACT("output that the peer reads is not too much for a handler that reads when full") {
    Story story(driver);
    Callbacks flooding;
    flooding.on_data = [](Connection& c, MutableBytes in) {
        flood(c);
        return in.size();
    };
    driver.start(reading_on(story.handler(flooding)), tight());
    auto peer = driver.connect();
    peer->send("x");
    CHECK((peer->receive_all() == flooded()));
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT("output that the peer reads is not too much, written in on_shutdown") {
    Story story(driver);
    Limits limits = tight();
    limits.server.drain_timeout = 5s;
    driver.start(story.handler({.on_shutdown = flood}), limits);
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.begin_drain();
    CHECK((peer->receive_all() == flooded()));
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT("output that the peer reads is not too much, written from outside any callback") {
    if (!driver.posts()) {
        MESSAGE(
            "only its own callbacks reach a connection here"
            ": nothing checked");
        return;
    }
    Story story(driver);
    const auto id = std::make_shared<ConnectionId>();
    driver.start(story.handler({.on_open = [id](Connection& c) { note_id(id, c); }}), tight());
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    driver.post([&driver, id] {
        if (Connection* const found = driver.find(*id)) flood(*found);
    });
    CHECK((peer->receive_all() == flooded()));
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

CONTRACT("output that the peer reads is not too much, written from another connection's callback") {
    if (!driver.posts()) {
        MESSAGE(
            "only its own callbacks reach a connection here"
            ": nothing checked");
        return;
    }
    Story story(driver);
    const auto first = std::make_shared<ConnectionId>();
    Callbacks both;
    both.on_open = [first](Connection& c) { note_id(first, c); };
    both.on_data = [&driver, first](Connection&, MutableBytes in) {
        if (Connection* const found = driver.find(*first)) flood(*found);
        return in.size();
    };
    driver.start(story.handler(both), tight());
    auto peer = driver.connect();
    CHECK(story.next() == "open");
    auto other = driver.connect();
    CHECK(story.next() == "open");
    other->send("x");
    CHECK((peer->receive_all() == flooded()));
    CHECK(story.ending() == "close: orderly");
    driver.drain();
}

namespace {

// On the first byte, fills the buffers between the handler and a peer that does not read. Then it calls
// `queue` many times, and notes whether more than `most` pieces were kept.
Callbacks hoarding(const std::shared_ptr<const Journal>& journal,
                   std::function<long(Connection&, char)> queue, long most) {
    const auto what = std::make_shared<char>();
    const auto fill = [](Connection& c) {
        const std::string piece = pattern(kPiece);
        while (c.write(piece)) {
        }
        c.set_deadline(c.now() + 50ms);  // if no on_writable comes before, the buffers are full
    };
    Callbacks does;
    does.on_data = [what, fill](Connection& c, MutableBytes in) {
        *what = static_cast<char>(in[0]);
        fill(c);
        return in.size();
    };
    does.on_writable = fill;
    does.on_deadline = [=](Connection& c) {
        long kept = 0;
        for (int i = 0; i < 100'000 && kept <= most; ++i) kept = queue(c, *what);
        journal->note(kept <= most ? "bounded" : "kept " + std::to_string(kept));
        c.abort(errc::stopping);
    };
    return does;
}

// The least memory that a queued piece uses, whatever its size: a pointer with its count, and the begin and
// end of the piece.
constexpr std::size_t kEntry = 32;

void check_bounded(DriverUnderTest& driver, std::string_view kinds,
                   const std::function<long(Connection&, char)>& queue) {
    Story story(driver);
    Limits limits = tight();
    limits.connection.write_stall_timeout = 250ms;  // for drivers that wait within a call
    const auto make = [&] {
        return story.handler(hoarding(story.journal(), queue, kCap / kEntry))();
    };
    driver.start(reading_on(make), limits);
    for (const char kind : kinds) {
        CAPTURE(kind);
        auto peer = driver.connect();
        peer->send(std::string(1, kind));
        std::string line = story.next();
        while (line != "" && line != "bounded" && !line.starts_with("kept")) line = story.next();
        CHECK(line == "bounded");
        CHECK(story.ending() != "");
    }
    driver.drain();
}

}  // namespace

CONTRACT("small shared buffers are copied, or count with the cost of an entry") {
    using Buffer = const std::vector<std::byte>;
    const auto one = std::make_shared<Buffer>(1), twenty = std::make_shared<Buffer>(20);
    check_bounded(driver, "12", [=](Connection& c, char kind) {
        const auto& buffer = kind == '1' ? one : twenty;
        c.write_shared(buffer);
        return buffer.use_count();
    });
}

CONTRACT("queued files count with the cost of an entry") {
    const auto file = file_of("x");
    check_bounded(driver, "f", [file](Connection& c, char) {
        c.send_file({.file = file, .offset = 0, .length = 1});
        return file.use_count();
    });
}
