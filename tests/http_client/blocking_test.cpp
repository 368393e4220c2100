// The blocking calls, against a server with threads.
#include <doctest/doctest.h>

#include <switchboard/blocking.hpp>
#include <thread>

#include "client_ends.hpp"
#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Serves on threads until it is destroyed.
class Threads {
public:
    explicit Threads(ProtocolFactory factory) : stop_(Stop::create().value()) {
        Listener listener;
        at = listener.at;
        thread_ = std::thread(
            [this, socket = std::move(listener.socket), factory = std::move(factory)]() mutable {
                CHECK(serve_threads(std::move(socket), factory, stop_).has_value());
            });
    }
    ~Threads() {
        stop_.abort();
        thread_.join();
    }
    Endpoint at;

private:
    Stop stop_;
    std::thread thread_;
};

}  // namespace

TEST_CASE("http blocking: get and send") {
    const Threads server(site().factory());
    const auto got = http::get(url_of(server.at));
    REQUIRE_MESSAGE(got.has_value(), got.error().message());
    CHECK(got->body == "hello");
    const std::string much = numbers(2'000'000);
    const auto sent = http::send({.method = "POST", .url = url_of(server.at), .body = much});
    REQUIRE(sent.has_value());
    CHECK((sent->body == much));
    std::string streamed;
    const auto head = http::send({.method = "POST", .url = url_of(server.at), .body = much}, {},
                                 {.on_piece = [&](Bytes piece) {
                                     streamed += as_text(piece);
                                     return true;
                                 }});
    REQUIRE(head.has_value());
    CHECK(head->body.empty());
    CHECK((streamed == much));
    CHECK(http::get("nonsense").error() == errc::bad_option);
}

TEST_CASE("http blocking: several threads at once, over TLS") {
    const Threads server(make_server().wrap(site().factory()));
    const http::ClientOptions options{.tls = make_client()};
    std::vector<std::thread> threads;
    std::atomic<int> answers{0};
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            for (int call = 0; call < 3; ++call) {
                const auto got = http::get(url_of(server.at, "/", "https"), options);
                if (got && got->body == "hello") ++answers;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(answers == 9);
}

TEST_CASE("http blocking: total bounds it, and failures are told") {
    const Listener silent;  // accepts by the kernel alone
    const auto start = Clock::now();
    const auto late = http::get(url_of(silent.at), {.total = 50ms});
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error() == std::errc::timed_out);
    CHECK(Clock::now() - start < 5s);
    const Listener gone;
    gone.socket.shutdown();
    CHECK(http::get(url_of(gone.at)).error() == std::errc::connection_refused);
}
