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

// The conversation in memory: what the peer got, and what came of it.
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

// A message in all its splits in two, with more behind it that is none of its business.
void check_every_split(const MessageEnd& end, const std::string& message) {
    for (const std::string& more : {std::string(), std::string("surplus")}) {
        const std::string all = message + more;
        for (std::size_t split = 0; split <= all.size(); ++split) {
            CAPTURE(split);
            Conversation c({.reply_end = end});
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
    check_every_split(MessageEnd::after(5), "hello");
}

TEST_CASE("exchange: a reply up to a delimiter, also one that begins like itself") {
    check_every_split(MessageEnd::at("\n"), "a line\n");
    check_every_split(MessageEnd::at("\r\n.\r\n"), "several\r\nlines\r\r\n\r\n.\r\n");
    check_every_split(MessageEnd::at("aab"), "xaaaab");
}

TEST_CASE("exchange: a reply with its length in front, in every width and order") {
    using Order = MessageEnd::Order;
    check_every_split(MessageEnd::prefixed(1), "\5hello");
    check_every_split(MessageEnd::prefixed(2), zeros("0\5hello"));
    check_every_split(MessageEnd::prefixed(4), zeros("000\5hello"));
    check_every_split(MessageEnd::prefixed(8), zeros("0000000\5hello"));
    check_every_split(MessageEnd::prefixed(2, Order::little_endian), zeros("\5"
                                                                           "0hello"));
    check_every_split(MessageEnd::prefixed(4, Order::little_endian), zeros("\5"
                                                                           "000hello"));
    check_every_split(MessageEnd::prefixed(8, Order::little_endian), zeros("\5"
                                                                           "0000000hello"));
    check_every_split(MessageEnd::prefixed(2), zeros("00"));  // an empty one
    check_every_split(MessageEnd::prefixed(2), zeros("\1"
                                                     "0") +
                                                   std::string(256, 'x'));
}

TEST_CASE("exchange: a reply until the peer's end") {
    Conversation c({});
    CHECK(c.peer->saw_eof());  // the request has ended, too
    CHECK(text_of(c.hears("hel").hears("lo").hears_end().reply) == "hello");
    CHECK(text_of(Conversation({}).hears_end().reply) == "");
}

TEST_CASE("exchange: no reply at all") {
    Conversation c({.reply_end = MessageEnd::after(0)});
    CHECK(c.peer->received() == "request");
    CHECK(text_of(c.reply) == "");
    CHECK(c.peer->closed());
}

TEST_CASE("exchange: the request ends with a FIN only if asked to") {
    Conversation c({.reply_end = MessageEnd::after(5), .shutdown_after_request = false});
    CHECK_FALSE(c.peer->saw_eof());
    CHECK(text_of(c.hears("hello").reply) == "hello");
}

TEST_CASE("exchange: a peer that ends too early") {
    for (const MessageEnd& end :
         {MessageEnd::after(5), MessageEnd::at("\n"), MessageEnd::prefixed(1)}) {
        Conversation c({.reply_end = end});
        CHECK(c.hears("\4hi").hears_end().reply.error() == errc::incomplete_message);
    }
    Conversation reset({});
    reset.peer->reset();
    reset.driver.run();
    CHECK(reset.reply.error() == std::errc::connection_reset);
}

TEST_CASE("exchange: a reply past the maximum is refused as soon as that is known") {
    const auto too_large = [](MessageEnd end, std::string_view heard) {
        Conversation c({.reply_end = std::move(end), .max_reply = 8});
        return c.hears(heard).reply == tl::unexpected(Error(errc::message_too_large, "read reply"));
    };
    CHECK(too_large(MessageEnd::at_shutdown(), "123456789"));
    CHECK(too_large(MessageEnd::at("\n"), "12345678\n"));
    CHECK(too_large(MessageEnd::prefixed(1), "\x08"));
    CHECK(too_large(MessageEnd::prefixed(8), std::string(8, '\xff')));
    CHECK(Conversation({.reply_end = MessageEnd::after(9), .max_reply = 8}).reply.error() ==
          errc::message_too_large);

    Conversation fits({.reply_end = MessageEnd::at("\n"), .max_reply = 8});
    CHECK(text_of(fits.hears("1234567\nand more than that").reply) == "1234567\n");
}

TEST_CASE("exchange: in memory the time-out is the whole conversation's") {
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

TEST_CASE("exchange over a socket: what follows the reply is not waited for") {
    OnePeer peer([](Socket& socket) {
        while (socket.send_all(as_bytes("a line\n"))) {
        }
    });
    const auto before = Clock::now();
    const ExchangeOptions options{.reply_end = MessageEnd::at("\n"), .timeout = 60s};
    CHECK(text_of(switchboard::exchange(peer.endpoint, as_bytes(""), options)) == "a line\n");
    CHECK(Clock::now() - before < 30s);
}

TEST_CASE("exchange over a socket: the error names the endpoint and the step") {
    const auto nobody = listen(Endpoint::tcp("127.0.0.1", 0)).value().local().value();
    CHECK(switchboard::exchange(nobody, {}).error().message() ==
          "exchange: connect " + nobody.to_string() + ": connection refused");

    OnePeer early([](Socket& socket) { read_all(socket); });
    CHECK(text_of(switchboard::exchange(early.endpoint, {}, {.reply_end = MessageEnd::after(1)})) ==
          complaint(early, "read reply", "the peer ended before the message was whole"));
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
        // Takes a little now and then: there is progress, but the time is for all of it.
        while (socket.receive({&byte, 1}).value_or(0) > 0) {
        }
    });
    const auto reply = switchboard::exchange(deaf.endpoint, as_bytes(endless), {.timeout = 100ms});
    CHECK(reply.error() == std::errc::timed_out);
    CHECK(text_of(reply) == complaint(deaf, "send request", "connection timed out"));
}

TEST_CASE("exchange: unqualified, of an endpoint that is not const, it is not std::exchange") {
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
