// Which bytes a handler gets, and which bytes its peer gets.
#include "suite.hpp"

using namespace switchboard;

CONTRACT("callbacks come in order, and on_close comes once") {
    Story story(driver);
    driver.start(story.handler(echo()), {});
    auto peer = driver.connect();
    CHECK(peer->round_trip("x") == "x");  // a single byte arrives in a single on_data
    peer->shutdown_write();
    CHECK(peer->receive_all() == "");
    CHECK(peer->end() == Peer::End::eof);
    for (const char* expected : {"open", "data", "eof", "close: orderly"})
        CHECK(story.next() == expected);
    driver.drain();
    CHECK(story.over());
}

CONTRACT("bytes arrive in one piece, one by one, and in large amounts") {
    driver.start(callbacks([] { return echo(); }), {});
    auto peer = driver.connect();
    for (const char byte : pattern(100)) CHECK(peer->round_trip({byte}) == std::string{byte});
    for (const std::size_t size : {2U, 65'535U, 65'536U, 65'537U, 1'048'576U})
        CHECK(peer->round_trip(pattern(size)) == pattern(size));
    peer->shutdown_write();
    CHECK(peer->end() == Peer::End::eof);
    driver.drain();
}

CONTRACT("connections follow one another") {
    driver.start(callbacks([] { return echo(); }), {});
    for (int i = 0; i < 20; ++i) {
        auto peer = driver.connect();
        CHECK(peer->round_trip(std::to_string(i)) == std::to_string(i));
    }
    driver.drain();
}

CONTRACT("unused bytes are offered again, with the bytes that follow") {
    // Consumes nothing until nine bytes have arrived, however they were split. Then consumes four at a
    // time, and writes whether more bytes were offered ("+") or not (".").
    const auto fours = [] {
        return Callbacks{.on_data = [least = 9U](Connection& c, MutableBytes in) mutable {
            if (in.size() < least) return std::size_t{0};
            least = 4;
            c.write(in.first(4));
            c.write(in.size() > 4 ? "+" : ".");
            return std::size_t{4};
        }};
    };
    driver.start(callbacks(fours), {});
    auto peer = driver.connect();
    peer->send("abc");
    peer->send("defghi");
    CHECK(peer->receive(10) == "abcd+efgh+");
    peer->send("jkl");
    CHECK(peer->receive(5) == "ijkl.");
    peer->send("m");  // an incomplete message
    peer->shutdown_write();
    CHECK(peer->receive_all() == "");
    driver.drain();
}

CONTRACT("a handler that leaves more than max_read_buffer unused loses its connection") {
    Story story(driver);
    Callbacks greedy;
    greedy.on_data = [](Connection&, MutableBytes) { return std::size_t{0}; };
    Limits limits;
    limits.connection.max_read_buffer = 1000;
    driver.start(story.handler(greedy), limits);
    auto peer = driver.connect();
    peer->send(pattern(1001));
    CHECK(peer->end() == Peer::End::reset);
    std::string last;
    for (std::string line = story.next(); !line.empty(); line = story.next()) {
        last = line;
        if (line.starts_with("close")) break;
    }
    CHECK(last == close_line(errc::message_too_large));
    driver.drain();
}

CONTRACT("input may be rewritten in place") {
    Callbacks shout;
    shout.on_data = [](Connection& c, MutableBytes in) {
        for (std::byte& b : in) b &= std::byte{0xdf};
        c.write(in);
        return in.size();
    };
    driver.start(callbacks([=] { return shout; }), {});
    CHECK(driver.connect()->round_trip("hello") == "HELLO");
    driver.drain();
}

CONTRACT("pieces, shared buffers and large writes keep their order") {
    const std::string large = pattern(300'000);
    Callbacks many;
    many.on_open = [=](Connection& c) {
        const Bytes pieces[] = {as_bytes("a"), as_bytes(""), as_bytes("bc")};
        c.write(pieces);
        const Bytes bytes = as_bytes(large);
        c.write_shared(std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end()));
        c.write("d");
        c.write(large);
        c.write("e");
        c.close();
    };
    driver.start(callbacks([=] { return many; }), {});
    CHECK(driver.connect()->receive_all() == "abc" + large + "d" + large + "e");
    driver.drain();
}

CONTRACT("a producer goes on as long as its peer reads") {
    constexpr std::size_t kWhole = 4 * 1024 * 1024, kPiece = 10'000;
    const std::string whole = pattern(kWhole);
    driver.start(callbacks([&whole] {
                     const auto sent = std::make_shared<std::size_t>(0);
                     const auto produce = [&whole, sent](Connection& c) {
                         bool more = true;
                         while (more && *sent < whole.size()) {
                             const auto piece = std::string_view(whole).substr(*sent, kPiece);
                             more = c.write(piece);
                             *sent += piece.size();
                         }
                         if (*sent == whole.size()) c.close();
                     };
                     return Callbacks{.on_open = produce, .on_writable = produce};
                 }),
                 {});
    CHECK(driver.connect()->receive_all() == whole);
    driver.drain();
}

namespace {

// Sends `whole` and counts the bytes that arrive meanwhile. Reports the count when both directions are
// done.
class BothWays final : public Protocol {
public:
    explicit BothWays(std::shared_ptr<const std::string> whole) : whole_(std::move(whole)) {}
    void on_open(Connection& c) override { on_writable(c); }
    void on_writable(Connection& c) override {
        bool more = true;
        while (more && sent_ < whole_->size()) {
            const auto piece = std::string_view(*whole_).substr(sent_, 10'000);
            more = c.write(piece);
            sent_ += piece.size();
        }
        finish(c);
    }
    std::size_t on_data(Connection& c, MutableBytes in) override {
        got_ += in.size();
        finish(c);
        return in.size();
    }
    bool reads_under_backpressure() const noexcept override { return true; }

private:
    void finish(Connection& c) {
        if (sent_ < whole_->size() || got_ < whole_->size()) return;
        c.write("|" + std::to_string(got_));
        c.close();
    }

    std::shared_ptr<const std::string> whole_;
    std::size_t sent_ = 0, got_ = 0;
};

}  // namespace

CONTRACT("a handler that reads when full and its peer may both send before they read") {
    const auto whole = std::make_shared<const std::string>(pattern(8 * 1024 * 1024));
    driver.start(factory_of<BothWays>(whole), {});
    auto peer = driver.connect();
    peer->send(*whole);  // returns when everything is in the socket
    CHECK(peer->receive_all() == *whole + "|" + std::to_string(whole->size()));
    CHECK(peer->end() == Peer::End::eof);
    driver.drain();
}

CONTRACT("a handler that reads when full gets the FIN of a peer that reads everything") {
    struct Firehose final : Protocol {
        void on_open(Connection& c) override { on_writable(c); }
        void on_writable(Connection& c) override {
            while (c.write(std::string_view(piece))) {
            }
        }
        std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }
        bool reads_under_backpressure() const noexcept override { return true; }
        const std::string piece = pattern(10'000);
    };
    driver.start(factory_of<Firehose>(), {});
    auto peer = driver.connect();
    peer->shutdown_write();
    CHECK(peer->receive_all().size() % 10'000 == 0);
    CHECK(peer->end() == Peer::End::eof);
    driver.drain();
}

CONTRACT("a handler that reads when full and ignores all marks loses its connection") {
    struct Heedless final : Protocol {
        std::size_t on_data(Connection& c, MutableBytes in) override {
            for (int i = 0; i < 20'000; ++i) c.write(std::string_view(piece));
            return in.size();
        }
        void on_close(std::error_code reason) noexcept override { journal->note_close(reason); }
        bool reads_under_backpressure() const noexcept override { return true; }
        explicit Heedless(std::shared_ptr<const Journal> j) : journal(std::move(j)) {}
        const std::shared_ptr<const Journal> journal;
        const std::string piece = pattern(10'000);
    };
    Story story(driver);
    driver.start(factory_of<Heedless>(story.journal()), {});
    auto peer = driver.connect();
    peer->send("x");
    CHECK(story.next() == close_line(errc::write_queue_full));
    driver.drain();
}

CONTRACT("close does not lose a reply in transit, even if input is unread") {
    const std::string reply = pattern(200'000);
    Callbacks curt;
    curt.on_data = [=](Connection& c, MutableBytes) {
        c.write(reply);
        c.close();
        return std::size_t{1};
    };
    driver.start(callbacks([=] { return curt; }), {});
    auto peer = driver.connect();
    peer->send(pattern(1'000'000));
    CHECK(peer->receive_all() == reply);
    CHECK(peer->end() == Peer::End::eof);
    peer.reset();
    driver.drain();
}
