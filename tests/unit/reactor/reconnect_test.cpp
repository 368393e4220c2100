#include <switchboard/reactor_stats.hpp>
#include <switchboard/reconnect.hpp>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

const Clock::time_point kStart{1h};

std::vector<milliseconds> waits(Backoff& backoff, int count, Clock::time_point now = kStart) {
    std::vector<milliseconds> all;
    for (int i = 0; i < count; ++i) all.push_back(backoff.ended(now).value());
    return all;
}

milliseconds most_of(const std::vector<milliseconds>& all) {
    return *std::max_element(all.begin(), all.end());
}

}  // namespace

TEST_CASE("backoff: waits are drawn from zero to a ceiling that doubles up to the cap") {
    std::vector<milliseconds> most(8, 0ms), least(8, 1h);
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        Backoff backoff({.initial = 100ms, .max = 1'000ms, .seed = seed}, kStart);
        const auto drawn = waits(backoff, 8);
        for (std::size_t i = 0; i < 8; ++i) {
            most[i] = std::max(most[i], drawn[i]);
            least[i] = std::min(least[i], drawn[i]);
        }
    }
    const std::vector<milliseconds> ceilings{100ms,  200ms,  400ms,  800ms,
                                             1000ms, 1000ms, 1000ms, 1000ms};
    for (std::size_t i = 0; i < 8; ++i) {
        CAPTURE(i);
        CHECK(most[i] <= ceilings[i]);
        CHECK(most[i] > ceilings[i] * 9 / 10);  // full jitter uses the whole range
        CHECK(least[i] < ceilings[i] / 10);
    }
}

TEST_CASE("backoff: equal seeds draw equal waits, and different seeds different ones") {
    Backoff one({.seed = 7}, kStart), same({.seed = 7}, kStart), other({.seed = 8}, kStart);
    const auto drawn = waits(one, 20);
    CHECK(drawn == waits(same, 20));
    CHECK(drawn != waits(other, 20));
    Backoff fresh({}, kStart), again({}, kStart);
    CHECK(waits(fresh, 20) != waits(again, 20));
}

TEST_CASE("backoff: restarts after a connection that lasted, and continues after a short one") {
    Backoff backoff({.initial = 10ms, .max = 1h, .reset_after = 5s, .seed = 1}, kStart);
    CHECK(most_of(waits(backoff, 20)) > 10s);
    backoff.connected(kStart);
    CHECK(most_of(waits(backoff, 10, kStart + 4999ms)) > 10s);
    backoff.connected(kStart);
    CHECK(backoff.ended(kStart + 5s).value() <= 10ms);
    CHECK(backoff.ended(kStart + 5s).value() <= 20ms);
}

TEST_CASE("backoff: gives up after max_elapsed, counted from the last connection") {
    Backoff backoff({.initial = 10ms, .max = 10ms, .max_elapsed = 1s, .seed = 1}, kStart);
    CHECK(backoff.ended(kStart + 989ms).has_value());
    CHECK_FALSE(backoff.ended(kStart + 1001ms).has_value());
    backoff.connected(kStart + 2s);
    CHECK(backoff.ended(kStart + 9s).has_value());
    CHECK(backoff.ended(kStart + 9'989ms).has_value());
    CHECK_FALSE(backoff.ended(kStart + 10'001ms).has_value());
}

TEST_CASE("reconnect: connects again when the connection ends") {
    Reactor reactor;
    int served = 0;
    const Listening listening =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_open = [&](Connection& c) { ++served, c.close(); }};
                  }));
    std::vector<std::string> retries;
    int opened = 0, ended = 0;
    ReconnectOptions options;
    options.backoff = {.initial = 1ms, .max = 2ms, .seed = 1};
    options.connect.on_ended = [&](const Error&) { ++ended; };
    options.on_retry = [&](const Error& e, milliseconds) { retries.push_back(e.message()); };
    ReconnectingClient client(
        reactor, listening.local,
        callbacks([&] { return Callbacks{.on_open = [&](Connection&) { ++opened; }}; }), options);
    CHECK(client.connection() == ConnectionId{});
    run_until(reactor, [&] { return retries.size() == 5; });
    CHECK(opened >= 5);
    CHECK(ended == 5);
    CHECK(retries[0].starts_with(listening.local.to_string() + ": "));
    client.stop();
    const int before = served;
    run_for(reactor, 20ms);
    CHECK(served <= before + 1);
    CHECK(retries.size() == 5);
}

TEST_CASE("reconnect: gives up with the last error, and reports each earlier one") {
    const Endpoint nobody = Listener().at;
    Reactor reactor;
    int retries = 0, given_up = 0;
    ReconnectOptions options;
    options.backoff = {.initial = 5ms, .max = 20ms, .max_elapsed = 100ms, .seed = 3};
    options.on_retry = [&](const Error&, milliseconds) { ++retries; };
    options.on_give_up = [&](const Error& error) {
        ++given_up;
        CHECK(error == std::errc::connection_refused);
        CHECK(error.message() == "connect " + nobody.to_string() + ": connection refused");
    };
    const auto began = Clock::now();
    const ReconnectingClient client(reactor, nobody, echo_factory(), options);
    reactor.run();  // returns, because nothing is left
    CHECK(given_up == 1);
    CHECK(retries > 2);
    CHECK(Clock::now() - began >= 70ms);
}

TEST_CASE("reconnect: names its connection, which survives the client") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    ConnectionEnd ending;
    std::string heard;
    auto client = std::make_unique<ReconnectingClient>(
        reactor, listening.local, callbacks([&] {
            return Callbacks{.on_data =
                                 [&](Connection&, MutableBytes in) {
                                     heard += as_text(in);
                                     return in.size();
                                 },
                             .on_close = ending.note()};
        }));
    run_until(reactor, [&] { return reactor.find(client->connection()) != nullptr; });
    const ConnectionId id = client->connection();
    client.reset();
    reactor.find(id)->write("still here");
    run_until(reactor, [&] { return heard == "still here"; });
    reactor.find(id)->close();
    run_until(reactor, [&] { return ending.came; });
    run_for(reactor, 10ms);
    CHECK(collect_stats(reactor).connected == 1);
}

TEST_CASE("reconnect: ends with its reactor, and if the factory fails") {
    std::vector<std::string> told;
    ReconnectOptions options;
    options.on_give_up = [&](const Error& error) { told.push_back(error.message()); };
    {
        Reactor reactor;
        const ReconnectingClient none(
            reactor, endpoint("127.0.0.1:1"), [] { return nullptr; }, options);
        const ReconnectingClient throws(
            reactor, endpoint("127.0.0.1:1"),
            []() -> std::unique_ptr<Protocol> { throw std::runtime_error("mine"); }, options);
        reactor.run();
        CHECK(told.size() == 2);
        const Listening listening = listen_on(reactor, echo_factory());
        const ReconnectingClient drained(reactor, listening.local, echo_factory(), options);
        run_until(reactor, [&] { return collect_stats(reactor).connected == 1; });
        reactor.drain(0ms, {});
        reactor.run();
        REQUIRE(told.size() == 3);
        CHECK(told[2].ends_with("the server is stopping"));
    }
    CHECK(told.size() == 3);
}

TEST_CASE("reconnect: a callback may destroy the client") {
    Reactor reactor;
    std::unique_ptr<ReconnectingClient> client;
    ReconnectOptions options;
    options.on_retry = [&](const Error&, milliseconds) { client.reset(); };
    client = std::make_unique<ReconnectingClient>(reactor, Listener().at, echo_factory(), options);
    reactor.run();
    CHECK_FALSE(client);
}

TEST_CASE("reconnect: hooks that throw do not end it, and other hooks are still called") {
    std::string log;
    Reactor reactor({.log = [&](LogLevel level, std::string_view text) {
        if (level == LogLevel::error) log += std::string(text) + "\n";
    }});
    int retries = 0, given_up = 0;
    ReconnectOptions options;
    options.backoff = {.initial = 1ms, .max = 1ms, .max_elapsed = 300ms, .seed = 1};
    options.connect.on_ended = [](const Error&) { throw std::runtime_error("mine"); };
    options.on_retry = [&](const Error&, milliseconds) {
        ++retries;
        throw std::runtime_error("mine, too");
    };
    options.on_give_up = [&](const Error&) { ++given_up; };
    const ReconnectingClient client(reactor, Listener().at, echo_factory(), options);
    reactor.run();
    CHECK(retries > 0);
    CHECK(given_up == 1);
    CHECK(log.starts_with("on_ended threw: mine\non_ended threw: mine, too\n"));
}

TEST_CASE("reconnect: a client that on_ended stops calls no more hooks") {
    Reactor reactor;
    std::unique_ptr<ReconnectingClient> client;
    int told = 0;
    ReconnectOptions options;
    options.backoff.max_elapsed = 1ms;
    options.connect.on_ended = [&](const Error&) {
        CHECK(client->connection() == ConnectionId{});
        client->stop();
    };
    options.on_retry = [&](const Error&, milliseconds) { ++told; };
    options.on_give_up = [&](const Error&) { ++told; };
    client = std::make_unique<ReconnectingClient>(reactor, Listener().at, echo_factory(), options);
    reactor.run();
    CHECK(told == 0);
}

TEST_CASE("reconnect: a drain ends it, whatever it waits for") {
    Reactor reactor;
    std::string told;
    int retries = 0;
    ReconnectOptions options;
    options.backoff = {.initial = 1h, .max = 1h, .seed = 1};
    options.on_retry = [&](const Error&, milliseconds) { ++retries; };
    options.on_give_up = [&](const Error& error) { told += error.message() + "; "; };
    std::string expected;
    const auto drained = [&](std::size_t) { told += "drained"; };
    const auto client_of = [&](const Endpoint& at) {
        expected = "connect " + at.to_string() + ": the server is stopping; drained";
        return std::make_unique<ReconnectingClient>(reactor, at, echo_factory(), options);
    };
    std::unique_ptr<ReconnectingClient> client;
    SUBCASE("its first turn") {
        client = client_of(Listener().at);
        reactor.drain(1h, drained);
    }
    SUBCASE("a back-off") {
        client = client_of(Listener().at);
        run_until(reactor, [&] { return retries == 1; });
        reactor.drain(1h, drained);
    }
    SUBCASE("the end of its connection, which may go on until the deadline") {
        const Listening listening = listen_on(reactor, echo_factory());
        client = client_of(listening.local);
        run_until(reactor, [&] { return reactor.find(client->connection()) != nullptr; });
        reactor.drain(1h, drained);
        run_for(reactor, 10ms);
        REQUIRE(reactor.find(client->connection()) != nullptr);
        CHECK(told.empty());
        reactor.find(client->connection())->close();
    }
    CHECK(told.empty());  // not from within the call
    const auto began = Clock::now();
    reactor.run();  // returns, because nothing is left
    CHECK(told == expected);
    CHECK(Clock::now() - began < 1min);
    client.reset();
}

TEST_CASE("reconnect: a client that is stopped or destroyed is not told of a drain") {
    Reactor reactor;
    int told = 0;
    ReconnectOptions options;
    options.on_give_up = [&](const Error&) { ++told; };
    auto gone =
        std::make_unique<ReconnectingClient>(reactor, Listener().at, echo_factory(), options);
    ReconnectingClient stopped(reactor, Listener().at, echo_factory(), options);
    gone.reset();
    SUBCASE("before it") {
        stopped.stop();
        reactor.drain(0ms, {});
    }
    SUBCASE("after it") {
        reactor.drain(0ms, {});
        stopped.stop();
    }
    reactor.run();
    CHECK(told == 0);
}
