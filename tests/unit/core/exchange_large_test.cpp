// Exchanges that are larger than all buffers between the peers, so both must read while they send.
#include <doctest/doctest.h>
#include <switchboard/blocking.hpp>
#include <switchboard/callbacks.hpp>
#include <switchboard/exchange.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/reactor_exchange.hpp>
#include <switchboard/testing/memory.hpp>
#include <thread>

#include "../support/loopback.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

using Reply = Result<std::vector<std::byte>>;
using Client = Reply (*)(const Endpoint&, const std::vector<std::byte>&, const ExchangeOptions&);

constexpr std::size_t kMany = 16 * 1024 * 1024;  // more than the system's buffers can hold

std::vector<std::byte> pattern(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
    return bytes;
}

Reply blocking(const Endpoint& server, const std::vector<std::byte>& request,
               const ExchangeOptions& options) {
    return switchboard::exchange(server, request, options);
}

Reply on_reactor(const Endpoint& server, const std::vector<std::byte>& request,
                 const ExchangeOptions& options) {
    Reactor reactor;
    Reply reply = fail(errc::unsupported, "done was not called");
    switchboard::exchange(reactor, server, request, options,
                          [&](Reply done) { reply = std::move(done); });
    reactor.run();
    return reply;
}

struct ReactorServer {
    Reactor reactor;
    Endpoint at;
    std::thread thread;

    explicit ReactorServer(ProtocolFactory factory) {
        at = reactor.listen(Endpoint::tcp("127.0.0.1", 0), std::move(factory)).value().local;
        thread = std::thread([this] { reactor.run(); });
    }
    ~ReactorServer() {
        reactor.post([this] { reactor.drain(0ms, {}); });
        thread.join();
    }
};

struct ThreadsServer {
    test::Listener listener;
    Endpoint at = listener.at;
    Stop stop = Stop::create().value();
    std::thread thread;

    explicit ThreadsServer(ProtocolFactory factory) {
        thread = std::thread([this, factory = std::move(factory)] {
            CHECK(serve_threads(std::move(listener.socket), factory, stop).has_value());
        });
    }
    ~ThreadsServer() {
        stop.abort();
        thread.join();
    }
};

template <class Server>
void check_echo(Client ask) {
    const Server server(factory_of<Echo>());
    const auto request = pattern(kMany);
    for (const auto& framing : {std::optional(Framing::fixed(kMany)), std::optional<Framing>()}) {
        for (const bool fin : {true, false}) {
            if (!fin && !framing) continue;
            CAPTURE(fin);
            const ExchangeOptions options{
                .reply_framing = framing, .shutdown_after_request = fin, .timeout = 60s};
            const Reply reply = ask(server.at, request, options);
            REQUIRE_MESSAGE(reply.has_value(), reply.error().message());
            CHECK(*reply == request);
        }
    }
}

// Replies as soon as it is connected, and counts the bytes that it then reads until the FIN.
ProtocolFactory hasty(std::atomic<std::size_t>& read, bool ends) {
    return callbacks([&read, ends] {
        return Callbacks{.on_open =
                             [ends](Connection& c) {
                                 c.write("early\n");
                                 if (ends) c.shutdown_write();
                             },
                         .on_data =
                             [&read](Connection&, MutableBytes in) {
                                 read += in.size();
                                 return in.size();
                             }};
    });
}

void check_early(Client ask) {
    const auto request = pattern(kMany);
    for (const bool ends : {false, true}) {
        CAPTURE(ends);
        std::atomic<std::size_t> read{0};
        {
            const ThreadsServer server(hasty(read, ends));
            const Reply reply =
                ask(server.at, request,
                    {.reply_framing = ends ? std::nullopt : std::optional(Framing::delimited("\n")),
                     .timeout = 60s});
            REQUIRE_MESSAGE(reply.has_value(), reply.error().message());
            CHECK(as_text(*reply) == "early\n");
            const auto late = Clock::now() + 10s;
            while (read < kMany && Clock::now() < late) std::this_thread::yield();
        }
        CHECK(read == kMany);
    }
}

void check_deaf(Client ask) {
    const test::Listener deaf;  // the system accepts the connection, but nothing reads from it
    const auto before = Clock::now();
    const Reply reply = ask(deaf.at, pattern(kMany), {.timeout = 100ms});
    CHECK(reply.error() == std::errc::timed_out);
    CHECK(Clock::now() - before >= 100ms);
    CHECK(Clock::now() - before < 5s);
}

}  // namespace

TEST_CASE("large exchange: with an echo on a reactor, blocking") {
    check_echo<ReactorServer>(blocking);
}

TEST_CASE("large exchange: with an echo on a reactor, on a reactor") {
    check_echo<ReactorServer>(on_reactor);
}

TEST_CASE("large exchange: with an echo under threads, blocking") {
    check_echo<ThreadsServer>(blocking);
}

TEST_CASE("large exchange: with an echo under threads, on a reactor") {
    check_echo<ThreadsServer>(on_reactor);
}

TEST_CASE("large exchange: 100 MiB, blocking and on a reactor") {
    const ThreadsServer server(callbacks([] {
        const auto count = std::make_shared<std::size_t>(0);
        return Callbacks{.on_data =
                             [count](Connection&, MutableBytes in) {
                                 *count += in.size();
                                 return in.size();
                             },
                         .on_eof =
                             [count](Connection& c) {
                                 c.write(std::to_string(*count));
                                 c.close();
                             }};
    }));
    const std::vector<std::byte> request(100 * 1024 * 1024);
    for (const Client ask : {blocking, on_reactor}) {
        const Reply reply = ask(server.at, request, {.timeout = 60s});
        REQUIRE_MESSAGE(reply.has_value(), reply.error().message());
        CHECK(as_text(*reply) == std::to_string(request.size()));
    }
}

TEST_CASE("large exchange: an early reply does not cut the request short") {
    check_early(blocking);
    check_early(on_reactor);
}

TEST_CASE("large exchange: an unwanted reply is ignored") {
    for (const Client ask : {blocking, on_reactor}) {
        const ThreadsServer server(factory_of<Echo>());
        const Reply reply =
            ask(server.at, pattern(kMany), {.expects_reply = false, .timeout = 60s});
        REQUIRE_MESSAGE(reply.has_value(), reply.error().message());
        CHECK(reply->empty());
    }
}

TEST_CASE("large exchange: with a peer that never reads, the time-out comes on time") {
    check_deaf(blocking);
    check_deaf(on_reactor);
}

TEST_CASE("large exchange: in memory, only a part of the request is queued at a time") {
    testing::MemoryDriver driver;
    Reply reply = fail(errc::unsupported, "done was not called");
    const auto request = pattern(kMany);
    auto& peer = driver.connect(make_exchange(request, {}, [&](Reply done) { reply = done; }));
    peer.set_window(64 * 1024);
    std::string got;
    std::size_t most = 0;
    while (got.size() < kMany) {
        driver.run();
        most = std::max(most, peer.queued());
        const std::string taken = peer.take_received();
        REQUIRE_FALSE(taken.empty());
        got += taken;
    }
    CHECK(most <= 128 * 1024);
    CHECK(got == as_text(Bytes(request)));
    driver.run();
    CHECK(peer.saw_eof());
    peer.send("done").shutdown_write();
    driver.run();
    REQUIRE(reply.has_value());
    CHECK(as_text(*reply) == "done");
}
