// Throttling on sockets, in real time: with the reactor, and with a thread per connection.
#include <doctest/doctest.h>

#include <switchboard/blocking.hpp>
#include <switchboard/exchange.hpp>
#include <thread>

#include "throttle_ends.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kRate = 200'000;  // with a burst of 20,000

// Returns the least time for the bytes: the burst passes at once, the rest at the rate. The reactor's clock
// has a resolution of a millisecond.
Clock::duration least(std::size_t bytes) {
    return std::chrono::nanoseconds((bytes - kRate / 10) * 1'000'000'000 / kRate) - 1ms;
}

// A server with a thread per connection. The destructor ends it.
class ThreadServer {
public:
    explicit ThreadServer(ProtocolFactory factory)
        : stop_(Stop::create().value()), server_([this, factory = std::move(factory)] {
              CHECK(serve_threads(std::move(listener_.socket), factory, stop_).has_value());
          }) {}
    ~ThreadServer() {
        stop_.drain();
        server_.join();
    }
    const Endpoint& at() const { return listener_.at; }

private:
    Listener listener_;
    Stop stop_;
    std::thread server_;
};

std::string ask(const Endpoint& at, const std::string& text) {
    const auto reply = exchange(at, as_bytes(text));
    REQUIRE_MESSAGE(reply.has_value(), reply.error().message());
    return std::string(as_text(*reply));
}

}  // namespace

TEST_CASE("throttle on sockets: the reactor keeps to the rate both ways, and to every byte") {
    const std::string text = numbers(100'000);
    for (const auto& options :
         {ThrottleOptions{.in_per_second = kRate}, ThrottleOptions{.out_per_second = kRate},
          ThrottleOptions{.all_in_per_second = kRate},
          ThrottleOptions{.all_out_per_second = kRate}}) {
        Reactor reactor;
        const Listening listening = listen_on(reactor, slowed(echoing(), options));
        const auto start = Clock::now();
        FarEnd client(listening.local);
        std::size_t sent = 0;
        run_until(reactor, [&] {
            sent += client.send(std::string_view(text).substr(sent));
            // also later, after the end
            if (sent == text.size()) (void)client.socket.shutdown_write();
            client.read();
            return client.over();
        });
        CHECK(client.received == text);
        CHECK_FALSE(client.error);
        CHECK(Clock::now() - start >= least(text.size()));
    }
}

TEST_CASE("throttle on sockets: under threads, for each connection and for all together") {
    const std::string text = numbers(100'000);
    SUBCASE("each") {
        const ThreadServer server(
            slowed(echoing(), {.in_per_second = kRate, .out_per_second = kRate}));
        const auto start = Clock::now();
        CHECK(ask(server.at(), text) == text);
        CHECK(Clock::now() - start >= least(text.size()));
    }
    SUBCASE("all") {
        const ThreadServer server(
            slowed(echoing(), {.all_in_per_second = kRate, .all_out_per_second = 10 * kRate}));
        const auto start = Clock::now();
        std::vector<std::thread> clients;
        for (int i = 0; i < 4; ++i)
            clients.emplace_back([&] { CHECK(ask(server.at(), text) == text); });
        for (std::thread& client : clients) client.join();
        CHECK(Clock::now() - start >= least(4 * text.size()));
    }
}

TEST_CASE("throttle on sockets: files go out in order, under the reactor and under threads") {
    const TempDir folder;
    const std::string text = numbers(60'000);
    {
        const auto made = std::fopen((folder / "file").c_str(), "w");
        REQUIRE(made != nullptr);
        CHECK(std::fwrite(text.data(), 1, text.size(), made) == text.size());
        std::fclose(made);
    }
    const auto file = File::open(folder / "file").value();
    const auto sends = slowed(callbacks([&] {
                                  return Callbacks{.on_open = [&](Connection& c) {
                                      c.write("begin ");
                                      c.send_file({file, 0, text.size()});
                                      c.write(" end");
                                      c.close();
                                  }};
                              }),
                              {.out_per_second = kRate});
    const std::string whole = "begin " + text + " end";
    const auto start = Clock::now();
    {
        const ThreadServer server(sends);
        CHECK(ask(server.at(), "") == whole);
    }
    CHECK(Clock::now() - start >= least(whole.size()));
    Reactor reactor;
    FarEnd client(listen_on(reactor, sends).local);
    client.read_to_end(reactor);
    CHECK(client.received == whole);
    CHECK_FALSE(client.error);
}

TEST_CASE("throttle on sockets: a peer that never reads does not keep a thread from its deadline") {
    Meter above;
    Callbacks handler = meter(above);
    handler.on_open = [](Connection& c) {
        while (c.write(std::string(16'384, 'x'))) {
        }
        c.set_deadline(c.now() + 50ms);
    };
    handler.on_writable = handler.on_open;
    handler.on_deadline = [](Connection& c) {
        c.abort(std::make_error_code(std::errc::timed_out));
    };
    Endpoint at;
    {
        const ThreadServer server(
            slowed([&] { return make_protocol(handler); }, {.out_per_second = 100'000'000}));
        const Socket client = connect(server.at()).value();
        std::byte one{};
        while (client.receive({&one, 1}).value_or(std::size_t{0}) > 0) {
        }
    }
    CHECK(above.reason == std::errc::timed_out);
}
