#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cassert>
#include <csignal>
#include <latch>
#include <memory>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_exchange.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/signals.hpp>

#include "descriptors.hpp"
#include "no_descriptors.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

TEST_CASE("reactor: 1,000 reactors with connections, timers and posts leave nothing behind") {
    const std::size_t before = count_descriptors();
    for (int i = 0; i < 1000; ++i) {
        ConnectionEnd accepted, connected;
        {
            Reactor reactor;
            const Listening listening = listen_on(
                reactor, callbacks([&] { return Callbacks{.on_close = accepted.note()}; }));
            REQUIRE(
                reactor.connect(listening.local, make_protocol({.on_close = connected.note()})));
            reactor.after(1h, [] {});
            reactor.post([] {});
            for (int turn = 0; turn < i % 4; ++turn) run_ready(reactor);
        }
        CHECK(connected.reason == make_error_code(errc::stopping));
        CHECK((!accepted.came || accepted.reason == make_error_code(errc::stopping)));
    }
    CHECK(count_descriptors() == before);
}

TEST_CASE("reactor: 64 live at the same time, each on its own thread") {
    std::vector<std::thread> threads;
    std::array<std::string, 64> heard;
    // No reactor is destroyed before all are done. libuv closes descriptors with a bare system call, which
    // the thread sanitizer does not see. So a reused number would look like a race.
    std::latch through(heard.size());
    for (std::string& to : heard) {
        threads.emplace_back([&to, &through] {
            Reactor reactor;
            const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), echo_factory());
            exchange(reactor, listening.value().local, {std::byte{'o'}, std::byte{'k'}}, {},
                     [&](auto reply) {
                         to = as_text(reply.value());
                         reactor.drain(1s, {});
                     });
            reactor.run();
            through.arrive_and_wait();
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& text : heard) CHECK(text == "ok");
}

TEST_CASE("reactor: without a descriptor for its loop it throws, and leaks nothing") {
    std::string said;
    const NoDescriptors none;
    try {
        Reactor reactor;
    } catch (const std::system_error& e) {
        said = e.what();
    }
    CHECK(said.find("create a reactor: ") == 0);
}

namespace {

// A host's loop with a timer of its own.
struct Host {
    Host() {
        REQUIRE(uv_loop_init(&loop) == 0);
        uv_timer_init(&loop, &timer);
        timer.data = this;
        uv_timer_start(
            &timer, [](uv_timer_t* t) { ++static_cast<Host*>(t->data)->ticks; }, 1, 1);
    }
    ~Host() {
        uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&loop) == 0);
    }
    void turn() { uv_run(&loop, UV_RUN_NOWAIT); }
    int handles() {
        int count = 0;
        uv_walk(
            &loop, [](uv_handle_t*, void* to) { ++*static_cast<int*>(to); }, &count);
        return count;
    }
    uv_loop_t loop;
    uv_timer_t timer;
    int ticks = 0;
};

}  // namespace

TEST_CASE("reactor: rides a host's loop, and leaves it unchanged") {
    Host host;
    const int before = host.handles();
    ConnectionEnd ending;
    {
        Reactor reactor(&host.loop);
        const Listening listening = listen_on(
            reactor,
            callbacks([&] { return Callbacks{.on_data = echo_back, .on_close = ending.note()}; }));
        FarEnd client(listening.local);
        client.send("hello");
        bool posted = false, timed = false;
        std::thread([&] { reactor.post([&] { posted = true; }); }).join();
        reactor.after(2ms, [&] { timed = true; });
        const auto end = Clock::now() + 10s;
        while ((client.received.empty() || !posted || !timed) && Clock::now() < end) {
            host.turn();
            client.read();
        }
        CHECK(client.received == "hello");
        CHECK(posted);
        CHECK(timed);
        reactor.after(1h, [] {});
        reactor.post([] {});
        REQUIRE(on_signal(reactor, SIGUSR1, [] {}));
    }
    CHECK(ending.reason == make_error_code(errc::stopping));
    host.turn();
    CHECK(host.handles() == before);
    const int ticks = host.ticks;
    while (host.ticks == ticks) host.turn();  // the host's own timer continues
}

TEST_CASE("reactor: a host's loop ends by itself after the reactor has nothing left") {
    Host host;
    uv_timer_stop(&host.timer);
    Reactor reactor(&host.loop);
    bool came = false;
    reactor.after(1ms, [&] { came = true; });
    uv_run(&host.loop, UV_RUN_DEFAULT);
    CHECK(came);
    const Listening listening = listen_on(reactor, echo_factory());
    CHECK(uv_loop_alive(&host.loop) != 0);
    reactor.drain(1s, {});
    uv_run(&host.loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_alive(&host.loop) == 0);
}

TEST_CASE("reactor: may be destroyed on a host's loop during a look-up") {
    Host host;
    ConnectionEnd ending;
    {
        Reactor reactor(&host.loop);
        REQUIRE(
            reactor.connect(endpoint("localhost:1"), make_protocol({.on_close = ending.note()})));
        host.turn();
    }
    CHECK(ending.came);
}

TEST_CASE("reactor: an on_close in the destructor may still call members") {
    bool came = false;
    Listening listening;
    {
        Reactor reactor;
        listening =
            listen_on(reactor, callbacks([&] {
                          return Callbacks{.on_close = [&](std::error_code) {
                              came = true;
                              CHECK(reactor.connect(listening.local, make_protocol({})).error() ==
                                    errc::stopping);
                              CHECK(reactor.listen(listening.local, echo_factory()).error() ==
                                    errc::stopping);
                              reactor.after(1ms, [] { FAIL("never"); });
                              reactor.post([] { FAIL("never"); });
                              reactor.close(listening.id);
                              reactor.drain(0ms, [](std::size_t) { FAIL("never"); });
                              reactor.stop();
                              CHECK(reactor.find({0, 1}) == nullptr);
                          }};
                      }));
        const FarEnd client(listening.local);
        run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    }
    CHECK(came);
}

namespace {

bool asserts() {
    bool on = false;
    assert((on = true));
    return on;
}

}  // namespace

TEST_CASE("reactor: a call from the wrong thread aborts a debug build, with the name of the call" *
          doctest::skip(!asserts())) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_CORE, &none);
        std::signal(SIGABRT, SIG_DFL);
        Reactor reactor;
        reactor.post([&] { std::thread([&] { reactor.after(1ms, [] {}); }).join(); });
        reactor.run();
        ::_exit(0);
    }
    ::close(ends[1]);
    const Socket from(ends[0]);
    std::string said;
    std::array<char, 512> buffer{};
    for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
        said.append(buffer.data(), static_cast<std::size_t>(got));
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(said.find("Reactor::after called from a thread that is not the reactor's") !=
          std::string::npos);
}

TEST_CASE("reactor: on_signal runs on its thread, and does not keep run() alive") {
    Reactor reactor;
    int came = 0;
    REQUIRE(on_signal(reactor, SIGUSR1, [&] {
        ++came;
        throw std::runtime_error("logged");
    }));
    reactor.run();  // returns, because nothing is left
    ::raise(SIGUSR1);
    run_until(reactor, [&] { return came == 1; });
    const auto none = on_signal(reactor, SIGKILL, [] {});
    REQUIRE_FALSE(none);
    CHECK(none.error().message().find("catch signal 9: ") == 0);
}

TEST_CASE("reactor: stats count what happened") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    client.send(std::string(1000, 'x'));
    client.read_until(reactor, 1000);
    ReactorStats stats = collect_stats(reactor);
    CHECK(stats.accepted == 1);
    CHECK(stats.bytes_in == 1000);
    CHECK(stats.bytes_out == 1000);
    CHECK(stats.open == 1);
    CHECK(stats.listeners == 1);
    CHECK(stats.queued_bytes == 0);
    client.socket.close();
    run_until(reactor, [&] { return collect_stats(reactor).closed == 1; });
    stats = collect_stats(reactor);
    CHECK(stats.open == 0);
    CHECK(stats.handler_failures == 0);
}

namespace {

// Returns the result of one exchange with a server that sends `reply`, and closes if `close` is set.
Result<std::vector<std::byte>> exchange_with(std::string reply, ExchangeOptions options,
                                             bool close = true) {
    Reactor reactor;
    const Listening listening = listen_on(reactor, callbacks([=] {
                                              return Callbacks{.on_open = [=](Connection& c) {
                                                  c.write(reply);
                                                  if (close) c.close();
                                              }};
                                          }));
    Result<std::vector<std::byte>> result;
    int times = 0;
    exchange(reactor, listening.local, {}, std::move(options), [&](auto answer) {
        ++times;
        result = std::move(answer);
        reactor.drain(0ms, {});
    });
    CHECK(times == 0);
    reactor.run();
    CHECK(times == 1);
    return result;
}

std::string text(const Result<std::vector<std::byte>>& reply) {
    return reply ? std::string(as_text(*reply)) : reply.error().message();
}

}  // namespace

TEST_CASE("reactor exchange: with every kind of message end") {
    ExchangeOptions options;
    CHECK(text(exchange_with("all of it", options)) == "all of it");
    options.reply_framing = Framing::fixed(4);
    CHECK(text(exchange_with("1234567", options, false)) == "1234");
    options.reply_framing = Framing::delimited("\r\n");
    CHECK(text(exchange_with("line\r\nmore", options, false)) == "line\r\n");
    options.reply_framing = Framing::prefixed(1);
    CHECK(text(exchange_with("\x03"
                             "abcdef",
                             options, false)) ==
          "\x03"
          "abc");
}

TEST_CASE("reactor exchange: errors name the endpoint and come once, from within run()") {
    ExchangeOptions options;
    options.reply_framing = Framing::fixed(100);
    CHECK(exchange_with("too short", options).error() == errc::incomplete_message);
    options.timeout = 30ms;
    options.shutdown_after_request = false;
    CHECK(exchange_with("too late", options, false).error() == std::errc::timed_out);

    Reactor reactor;
    std::string said;
    exchange(reactor, endpoint("fd:3"), {}, {}, [&](auto reply) { said = text(reply); });
    CHECK(said.empty());
    reactor.run();
    CHECK(said.find("fd:3") != std::string::npos);

    const Endpoint nobody = Listener().at;
    exchange(reactor, nobody, {}, {}, [&](auto reply) { said = text(reply); });
    reactor.run();
    CHECK(said == "exchange: connect " + nobody.to_string() + ": connection refused");
}
