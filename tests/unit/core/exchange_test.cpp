#include <doctest/doctest.h>
#include <array>

#include <switchboard/exchange.hpp>
#include <switchboard/socket.hpp>
#include <switchboard/testing/memory.hpp>
#include <thread>

using namespace switchboard;
using namespace std::chrono_literals;
using switchboard::testing::MemoryDriver;

namespace {

using Reply = Result<std::vector<std::byte>>;

std::string text_of(const Reply& reply) {
    return reply ? std::string(as_text(*reply)) : reply.error().message();
}

// A conversation in memory: the peer, and the result of the exchange.
struct Conversation {
    Reply reply = fail(errc::unsupported, "done was not called");
    MemoryDriver driver;
    testing::MemoryPeer* peer = nullptr;

    explicit Conversation(ExchangeOptions options, std::string_view request = "request") {
        const Bytes bytes = as_bytes(request);
        peer = &driver.connect(make_exchange({bytes.begin(), bytes.end()}, std::move(options),
                                             [this](Reply done) { reply = std::move(done); }));
        driver.run();
    }
    Conversation& hears(std::string_view text) {
        peer->send(text);
        driver.run();
        return *this;
    }
    Conversation& hears_end() {
        peer->shutdown_write();
        driver.run();
        return *this;
    }
};

// Delivers a message in two parts, at every split, alone and with surplus bytes after it.
void check_every_split(const Framing& framing, const std::string& message) {
    for (const std::string& more : {std::string(), std::string("surplus")}) {
        const std::string all = message + more;
        for (std::size_t split = 0; split <= all.size(); ++split) {
            CAPTURE(split);
            Conversation c({.reply_framing = framing});
            CHECK(c.peer->received() == "request");
            if (split > 0) c.hears(std::string_view(all).substr(0, split));
            if (split < all.size() && !c.peer->closed())
                c.hears(std::string_view(all).substr(split));
            CHECK(text_of(c.reply) == message);
            CHECK(c.peer->closed());
            CHECK_FALSE(c.peer->close_reason());
        }
    }
}

std::string zeros(std::string text) {
    for (char& c : text)
        if (c == '0') c = '\0';
    return text;
}

// A peer that serves one connection with plain calls, on a thread.
class OnePeer {
public:
    explicit OnePeer(std::function<void(Socket&)> serve) {
        auto made = listen(Endpoint::tcp("127.0.0.1", 0));
        REQUIRE(made);
        listener_ = std::move(*made);
        endpoint = bound_endpoint(listener_, Endpoint::tcp("127.0.0.1", 0)).value();
        thread_ = std::thread([this, serve = std::move(serve)] {
            auto socket = listener_.accept();
            if (socket) serve(*socket);
        });
    }
    ~OnePeer() { thread_.join(); }

    Endpoint endpoint;

private:
    Socket listener_;
    std::thread thread_;
};

// Reads until the client's end.
std::string read_all(Socket& socket) {
    std::string all;
    std::byte bytes[65536];
    for (auto got = socket.receive(bytes); got && *got > 0; got = socket.receive(bytes))
        all += as_text(Bytes(bytes).first(*got));
    return all;
}

std::string complaint(const OnePeer& peer, const std::string& step, const std::string& wrong) {
    return "exchange " + peer.endpoint.to_string() + ": " + step + ": " + wrong;
}

}  // namespace

TEST_CASE("exchange: a reply of fixed length") {
    check_every_split(Framing::fixed(5), "hello");
}

TEST_CASE("exchange: a reply up to a delimiter, also one that overlaps itself") {
    check_every_split(Framing::delimited("\n"), "a line\n");
    check_every_split(Framing::delimited("\r\n.\r\n"), "several\r\nlines\r\r\n\r\n.\r\n");
    check_every_split(Framing::delimited("aab"), "xaaaab");
}

TEST_CASE("exchange: a reply with its length in front, in every width and order") {
    check_every_split(Framing::prefixed(1), "\5hello");
    check_every_split(Framing::prefixed(2), zeros("0\5hello"));
    check_every_split(Framing::prefixed(4), zeros("000\5hello"));
    check_every_split(Framing::prefixed(8), zeros("0000000\5hello"));
    check_every_split(Framing::prefixed(2, std::endian::little), zeros("\5"
                                                                       "0hello"));
    check_every_split(Framing::prefixed(4, std::endian::little), zeros("\5"
                                                                       "000hello"));
    check_every_split(Framing::prefixed(8, std::endian::little), zeros("\5"
                                                                       "0000000hello"));
    check_every_split(Framing::prefixed(2), zeros("00"));  // an empty message
    check_every_split(Framing::prefixed(2), zeros("\1"
                                                  "0") +
                                                std::string(256, 'x'));
}

TEST_CASE("exchange: a reply with a varint in front, and an invalid varint is refused") {
    check_every_split(Framing::varint(), "\5hello");
    Conversation c({.reply_framing = Framing::varint()});
    CHECK(c.hears(zeros("\x80\x30")).reply.error() == errc::malformed_message);
}

TEST_CASE("exchange: the framing's own maximum counts too") {
    Conversation c({.reply_framing = Framing::delimited("\n", 3)});
    CHECK(c.hears("four\n").reply.error() == errc::message_too_large);
}

TEST_CASE("exchange: a reply until the peer's end") {
    Conversation c({});
    CHECK(c.peer->saw_eof());  // the request ended with a FIN
    CHECK(text_of(c.hears("hel").hears("lo").hears_end().reply) == "hello");
    CHECK(text_of(Conversation({}).hears_end().reply) == "");
}

TEST_CASE("exchange: no reply at all") {
    Conversation c({.expects_reply = false});
    CHECK(c.peer->received() == "request");
    CHECK(text_of(c.reply) == "");
    CHECK(c.peer->closed());
}

TEST_CASE("exchange: the request ends with a FIN only if asked to") {
    Conversation c({.reply_framing = Framing::fixed(5), .shutdown_after_request = false});
    CHECK_FALSE(c.peer->saw_eof());
    CHECK(text_of(c.hears("hello").reply) == "hello");
}

TEST_CASE("exchange: a peer that ends too early") {
    for (const Framing& framing :
         {Framing::fixed(5), Framing::delimited("\n"), Framing::prefixed(1)}) {
        Conversation c({.reply_framing = framing});
        CHECK(c.hears("\4hi").hears_end().reply.error() == errc::incomplete_message);
    }
    Conversation reset({});
    reset.peer->reset();
    reset.driver.run();
    CHECK(reset.reply.error() == std::errc::connection_reset);
}

TEST_CASE("exchange: a reply above the maximum is refused as early as possible") {
    const auto too_large = [](std::optional<Framing> framing, std::string_view heard) {
        Conversation c({.reply_framing = std::move(framing), .max_reply = 8});
        return c.hears(heard).reply == tl::unexpected(Error(errc::message_too_large, "read reply"));
    };
    CHECK(too_large(std::nullopt, "123456789"));
    CHECK(too_large(Framing::delimited("\n"), "12345678\n"));
    CHECK(too_large(Framing::prefixed(1), "\x08"));
    CHECK(too_large(Framing::prefixed(8), std::string(8, '\xff')));
    CHECK(Conversation({.reply_framing = Framing::fixed(9), .max_reply = 8}).reply.error() ==
          errc::message_too_large);

    Conversation fits({.reply_framing = Framing::delimited("\n"), .max_reply = 8});
    CHECK(text_of(fits.hears("1234567\nand more than that").reply) == "1234567\n");
}

TEST_CASE("exchange: in memory the time-out applies to the whole conversation") {
    Conversation c({.timeout = 1s});
    c.driver.advance(600ms);
    c.hears("hel");
    c.driver.advance(399ms);
    CHECK_FALSE(c.peer->closed());
    c.driver.advance(1ms);
    CHECK(c.reply.error() == std::errc::timed_out);
}

TEST_CASE("exchange over a socket: the reply until the peer's end") {
    OnePeer peer(
        [](Socket& socket) { (void)socket.send_all(as_bytes("got " + read_all(socket))); });
    CHECK(text_of(switchboard::exchange(peer.endpoint, as_bytes("this"))) == "got this");
}

TEST_CASE("exchange over a socket: a megabyte each way") {
    const std::string large(1024 * 1024, 'x');
    OnePeer peer([](Socket& socket) { (void)socket.send_all(as_bytes(read_all(socket))); });
    CHECK(text_of(switchboard::exchange(peer.endpoint, as_bytes(large))) == large);
}

TEST_CASE("exchange over a socket: does not wait for bytes after the reply") {
    OnePeer peer([](Socket& socket) {
        while (socket.send_all(as_bytes("a line\n"))) {
        }
    });
    const auto before = Clock::now();
    const ExchangeOptions options{.reply_framing = Framing::delimited("\n"), .timeout = 60s};
    CHECK(text_of(switchboard::exchange(peer.endpoint, as_bytes(""), options)) == "a line\n");
    CHECK(Clock::now() - before < 30s);
}

TEST_CASE("exchange over a socket: the error names the endpoint and the step") {
    const auto nobody = listen(Endpoint::tcp("127.0.0.1", 0)).value().local().value();
    CHECK(switchboard::exchange(nobody, {}).error().message() ==
          "exchange: connect " + nobody.to_string() + ": connection refused");

    OnePeer early([](Socket& socket) { read_all(socket); });
    CHECK(
        text_of(switchboard::exchange(early.endpoint, {}, {.reply_framing = Framing::fixed(1)})) ==
        complaint(early, "read reply", "the peer closed before the message was complete"));
}

TEST_CASE("exchange over a socket: a peer that does not answer costs the time-out") {
    OnePeer silent([](Socket& socket) { read_all(socket); });
    const ExchangeOptions options{.shutdown_after_request = false, .timeout = 50ms};
    const auto before = Clock::now();
    const auto reply = switchboard::exchange(silent.endpoint, as_bytes("x"), options);
    CHECK(reply.error() == std::errc::timed_out);
    CHECK(Clock::now() - before >= 50ms);
    CHECK(text_of(reply) == complaint(silent, "read reply", "connection timed out"));
}

TEST_CASE("exchange over a socket: a peer that does not read costs the time-out") {
    const std::string endless(64 * 1024 * 1024, 'x');
    std::byte byte{};
    OnePeer deaf([&](Socket& socket) {
        // Reads one byte at a time. There is progress, but the time-out is for the whole exchange.
        while (socket.receive({&byte, 1}).value_or(0) > 0) {
        }
    });
    const auto reply = switchboard::exchange(deaf.endpoint, as_bytes(endless), {.timeout = 100ms});
    CHECK(reply.error() == std::errc::timed_out);
    CHECK(text_of(reply) == complaint(deaf, "send request", "connection timed out"));
}

TEST_CASE("exchange: an unqualified call with a non-const endpoint is not std::exchange") {
    using namespace switchboard;
    OnePeer peer([](Socket& socket) {
        std::array<std::byte, 16> request{};
        while (socket.receive(request).value_or(0) > 0) continue;
        (void)socket.send_all(as_bytes("hi"));
    });
    Endpoint endpoint = peer.endpoint;
    const std::vector<std::byte> request(3);
    CHECK(text_of(exchange(endpoint, request)) == "hi");
    CHECK(
        exchange(endpoint, as_bytes("x"), {.timeout = std::chrono::milliseconds(50)}).has_value() ==
        false);
}
