// Tasks of a reactor: converse(), within(), sleep_for() and resolve().
#include <doctest/doctest.h>

#include <stdexcept>
#include <switchboard/reactor_coroutine.hpp>
#include <switchboard/reactor_stats.hpp>

#include "../support/turns.hpp"
#include "sessions.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Answers each line, "slow" not before the test is long over.
Task<> greeter(Stream& peer) {
    for (;;) {
        const auto name = co_await peer.read_until("\n");
        if (!name) co_return;
        const std::string who(as_text(*name));
        if (who == "slow\n") co_await peer.sleep_for(1h);
        peer.write("hello " + who);
    }
}

Task<Result<std::string>> ask(Reactor& reactor, Endpoint server, std::string name) {
    const auto session = [&name](Stream& peer) -> Task<std::string> {
        peer.write(name + "\n");
        const auto line = co_await peer.read_until("\n");
        co_return text_of(line);
    };
    co_return co_await converse(reactor, server, session);
}

// A server, and what its client notes.
struct World {
    Reactor reactor;
    Listening server;
    Tasks tasks{reactor};
    std::string log;

    explicit World(Task<> (*session)(Stream&) = greeter)
        : server(listen_on(reactor, coroutine(session))) {}
    std::size_t open() const { return collect_stats(reactor).open; }
    void run() {
        run_until(reactor, [this] { return tasks.running() == 0; });
    }
};

std::string said(const Result<std::string>& answer) {
    return answer ? *answer : "<" + answer.error().message() + ">";
}

}  // namespace

TEST_CASE("coroutine clients: one exchange after the other") {
    World world;
    world.tasks.start([&world]() -> Task<> {
        for (const std::string name : {"one", "two"})
            world.log += said(co_await ask(world.reactor, world.server.local, name));
    });
    CHECK(world.tasks.running() == 1);
    world.run();
    CHECK(world.log == "hello one\nhello two\n");
    run_until(world.reactor, [&] { return world.open() == 0; });
}

TEST_CASE("coroutine clients: two at once") {
    World world;
    world.tasks.start([&world]() -> Task<> {
        std::string a, b;
        const auto keeps = [&world](std::string name, std::string& answer) -> Task<> {
            answer = said(co_await ask(world.reactor, world.server.local, name));
        };
        co_await when_all(keeps("one", a), keeps("two", b));
        world.log = a + b;
    });
    run_until(world.reactor, [&] { return world.open() == 4; });
    world.run();
    CHECK(world.log == "hello one\nhello two\n");
}

TEST_CASE("coroutine clients: a time-out destroys the task, and its connection") {
    World world;
    int live = 0;
    world.tasks.start([&]() -> Task<> {
        const auto slow = [&]() -> Task<std::string> {
            const Counted local(live);
            co_return said(co_await ask(world.reactor, world.server.local, "slow"));
        };
        const auto answer = co_await within(world.reactor, 50ms, slow());
        CHECK(live == 0);
        CHECK(answer.error() == std::errc::timed_out);
        const auto soon =
            co_await within(world.reactor, 1h, ask(world.reactor, world.server.local, "soon"));
        world.log = said(soon);
    });
    run_until(world.reactor, [&] { return live == 1; });
    world.run();
    CHECK(world.log == "hello soon\n");
    run_until(world.reactor, [&] { return world.open() == 0; });
}

TEST_CASE("coroutine clients: a session may leave its connection to another protocol") {
    World world;
    std::string next;
    world.tasks.start([&]() -> Task<> {
        const auto session = [&next](Stream& peer) -> Task<std::string> {
            peer.write("one\ntwo\n");
            const std::string first = text_of(co_await peer.read_until("\n"));
            peer.switch_to(coroutine([&next](Stream& rest) -> Task<> {
                next = text_of(co_await rest.read_until("\n"));
            })());
            co_return first;
        };
        world.log = said(co_await converse(world.reactor, world.server.local, session));
    });
    run_until(world.reactor, [&] { return !next.empty(); });
    CHECK(world.log == "hello one\n");
    CHECK(next == "hello two\n");
    run_until(world.reactor, [&] { return world.open() == 0; });
}

TEST_CASE("coroutine clients: a session that nobody waits for any more is destroyed at once") {
    World world;
    int live = 0;
    world.tasks.start([&]() -> Task<> {
        const auto session = [&live](Stream& peer) -> Task<> {
            const Counted local(live);
            (void)co_await peer.read_some();
        };
        const auto talk = [&]() -> Task<> {
            (void)co_await converse(world.reactor, world.server.local, session);
        };
        const auto until_open = [&]() -> Task<> {
            while (live == 0) co_await sleep_for(world.reactor, 1ms);
        };
        CHECK(co_await first_of(talk(), until_open()) == 1);
        CHECK(live == 0);
        world.log = "over";
    });
    world.run();
    CHECK(world.log == "over");
    run_until(world.reactor, [&] { return world.open() == 0; });
}

TEST_CASE("coroutine clients: a connect that is refused says where") {
    World world;
    const Endpoint nobody = Listener().at;
    world.tasks.start([&]() -> Task<> {
        const auto answer = co_await ask(world.reactor, nobody, "x");
        CHECK(answer.error() == std::errc::connection_refused);
        world.log = answer.error().message();
    });
    world.run();
    CHECK(world.log.find(nobody.to_string()) != std::string::npos);
}

TEST_CASE("coroutine clients: an endpoint that is none") {
    World world;
    world.tasks.start([&]() -> Task<> {
        const auto answer = co_await ask(world.reactor, Endpoint(), "x");
        CHECK(answer.error() == errc::bad_endpoint);
        world.log = "failed";
    });
    CHECK(world.log == "failed");
    CHECK(world.tasks.running() == 0);
}

TEST_CASE("coroutine clients: a server that resets, and one that closes") {
    World resets([](Stream& peer) -> Task<> {
        (void)co_await peer.read_some();
        peer.abort(errc::malformed_message);
    });
    resets.tasks.start([&resets]() -> Task<> {
        const auto answer = co_await ask(resets.reactor, resets.server.local, "x");
        CHECK(answer.error() == std::errc::connection_reset);
        resets.log = "reset";
    });
    resets.run();
    CHECK(resets.log == "reset");

    World closes([](Stream& peer) -> Task<> { (void)co_await peer.read_until("\n"); });
    closes.tasks.start([&closes]() -> Task<> {
        closes.log = said(co_await ask(closes.reactor, closes.server.local, "x"));
    });
    closes.run();
    CHECK(closes.log == "<end>");
}

TEST_CASE("coroutine clients: a session that closes before it returns gives an error") {
    World world;
    world.tasks.start([&world]() -> Task<> {
        const auto session = [](Stream& peer) -> Task<> {
            peer.close();
            (void)co_await peer.read_some();
        };
        const auto ended = co_await converse(world.reactor, world.server.local, session);
        CHECK_FALSE(ended.has_value());
        if (!ended) world.log = ended.error() == errc::incomplete_message ? "early" : "?";
    });
    world.run();
    CHECK(world.log == "early");
}

TEST_CASE("coroutine clients: what a session throws comes out of converse()") {
    World world;
    world.tasks.start([&world]() -> Task<> {
        const auto session = [](Stream& peer) -> Task<> {
            co_await peer.sleep_for(1ms);
            throw std::runtime_error("inner");
        };
        try {
            (void)co_await converse(world.reactor, world.server.local, session);
        } catch (const std::runtime_error& error) {
            world.log = error.what();
        }
    });
    world.run();
    CHECK(world.log == "inner");
    run_until(world.reactor, [&] { return world.open() == 0; });
}

TEST_CASE("coroutine clients: what a task throws goes to its `failed`, or to the log") {
    std::string log;
    Reactor reactor({.log = [&log](LogLevel, std::string_view text) { log += text; }});
    Tasks tasks(reactor);
    const auto throws = [&reactor]() -> Task<> {
        co_await sleep_for(reactor, 1ms);
        throw std::runtime_error("no idea");
    };
    std::exception_ptr failure;
    tasks.start(throws, [&failure](std::exception_ptr why) { failure = std::move(why); });
    reactor.run();
    CHECK(failure);
    CHECK(log.empty());
    tasks.start(throws);
    reactor.run();
    CHECK(log.find("a task threw: no idea") != std::string::npos);
    CHECK(tasks.running() == 0);
}

TEST_CASE("coroutine clients: the end of the scope destroys tasks where they wait") {
    World world;
    int live = 0;
    {
        Tasks scope(world.reactor);
        for (const std::string name : {"slow", "connecting"}) {
            scope.start([&world, &live, name]() -> Task<> {
                const Counted local(live);
                if (name == "connecting") co_await sleep_for(world.reactor, 1h);
                (void)co_await ask(world.reactor, world.server.local, name);
            });
        }
        run_until(world.reactor, [&] { return world.open() == 2; });
        // This one does not even come to connect.
        scope.start([&world, &live]() -> Task<> {
            const Counted local(live);
            (void)co_await ask(world.reactor, world.server.local, "slow");
        });
        CHECK(live == 3);
    }
    CHECK(live == 0);
    run_until(world.reactor, [&] { return world.open() == 0; });
}

TEST_CASE("coroutine clients: the reactor ends with sessions that wait for it") {
    int live = 0, after = 0;
    {
        Reactor reactor;
        const auto backend = listen_on(reactor, coroutine(greeter));
        const auto front =
            listen_on(reactor, coroutine([&](Stream& peer) -> Task<> {
                          const Counted local(live);
                          const auto in = co_await peer.read_some();
                          const std::string what(as_text(*in));
                          if (what == "sleep") co_await sleep_for(reactor, 1h);
                          if (what == "resolve")
                              (void)co_await resolve(reactor, "unknown.invalid", "80");
                          if (what == "ask") (void)co_await ask(reactor, backend.local, "slow");
                          ++after;
                          co_await peer.sleep_for(1h);
                      }));
        std::list<FarEnd> clients;
        for (const std::string what : {"sleep", "ask"}) {
            clients.emplace_back(front.local);
            clients.back().send(what);
        }
        run_until(reactor, [&] { return collect_stats(reactor).open == 4; });
        CHECK(live == 2);
    }
    CHECK(live == 0);
    CHECK(after <= 1);
}

TEST_CASE("coroutine clients: resolve") {
    World world;
    world.tasks.start([&world]() -> Task<> {
        const auto found = co_await resolve(world.reactor, "127.0.0.1", "80");
        REQUIRE(found.has_value());
        world.log = Endpoint::from(found->front()).to_string();
        const auto unknown = co_await resolve(world.reactor, "127.0.0.1", "no-such-service");
        CHECK_FALSE(unknown.has_value());
    });
    world.run();
    CHECK(world.log == "tcp://127.0.0.1:80");

    bool after = false;
    world.tasks.start([&world, &after]() -> Task<> {
        (void)co_await resolve(world.reactor, "localhost", "80");
        after = true;
    });
    world.tasks.cancel();
    run_for(world.reactor, 20ms);
    CHECK_FALSE(after);
}

TEST_CASE(
    "coroutine clients: a session of the server may itself be a client, for a layered connection") {
    World world;
    int layers = 0;
    const auto front =
        listen_on(world.reactor, coroutine([&](Stream& peer) -> Task<> {
                      const auto line = co_await peer.read_until("\n");
                      if (!line) co_return;
                      const std::string name(as_text(*line));
                      const auto session = [&name](Stream& server) -> Task<std::string> {
                          server.write(name);
                          co_return text_of(co_await server.read_until("\n"));
                      };
                      ConverseOptions options;
                      options.layer = [&layers](std::unique_ptr<Protocol> above) {
                          ++layers;
                          return above;
                      };
                      const auto answer = co_await converse(world.reactor, world.server.local,
                                                            session, std::move(options));
                      peer.write(said(answer));
                  }));
    FarEnd client(front.local);
    client.send("front\n");
    client.read_to_end(world.reactor);
    CHECK(client.received == "hello front\n");
    CHECK(layers == 1);
}

TEST_CASE(
    "coroutine clients: a session that fails in another's callback ends its own connection alone") {
    std::string log;
    Reactor reactor({.log = [&log](LogLevel, std::string_view text) { log += text; }});
    const auto backend = listen_on(reactor, coroutine(greeter));
    const auto front = listen_on(reactor, coroutine([&](Stream&) -> Task<> {
                                     (void)co_await ask(reactor, backend.local, "x");
                                     throw std::runtime_error("afterwards");
                                 }));
    FarEnd client(front.local);
    client.read_to_end(reactor);
    CHECK(client.error == std::errc::connection_reset);
    CHECK(log.find("afterwards") != std::string::npos);
}

namespace {

Task<> copy(Stream& from, Stream& to) {
    while (const auto in = co_await from.read_some()) {
        if (!to.write(*in)) co_await to.drain();
    }
    to.shutdown_write();
}

// Copies both ways between a client and the server at `target`.
Task<> proxy(Stream& client, Reactor& reactor, const Endpoint& target, int& live) {
    const Counted local(live);
    const auto session = [&client, &live](Stream& server) -> Task<> {
        const Counted inner(live);
        client.set_reads_under_backpressure(true);
        server.set_reads_under_backpressure(true);
        co_await when_all(copy(client, server), copy(server, client));
    };
    const auto ended = co_await converse(reactor, target, session);
    if (!ended) client.abort(ended.error());
}

struct Proxied : World {
    int live = 0;
    Listening front;

    explicit Proxied(Task<> (*session)(Stream&) = echo_session)
        : World(session), front(listen_on(reactor, coroutine([this](Stream& client) -> Task<> {
                                              return proxy(client, reactor, server.local, live);
                                          }))) {}
};

}  // namespace

TEST_CASE("coroutine clients: a proxy copies both ways, and ends with both") {
    Proxied world;
    FarEnd client(world.front.local);
    client.send("hello");
    client.read_until(world.reactor, 5);
    CHECK(client.received == "hello");
    CHECK(world.live == 2);
    std::string large(5'000'000, 'x');
    std::size_t sent = 0;
    while (sent < large.size()) {
        sent += client.send(std::string_view(large).substr(sent));
        run_ready(world.reactor);
        client.read();
    }
    client.read_until(world.reactor, 5 + large.size());
    CHECK(client.received.size() == 5 + large.size());
    REQUIRE(client.socket.shutdown_write());
    client.read_to_end(world.reactor);
    CHECK(client.eof);
    run_until(world.reactor, [&] { return world.open() == 0; });
    CHECK(world.live == 0);
}

TEST_CASE("coroutine clients: a proxy passes a reset on, in both directions") {
    Proxied world;
    {
        FarEnd client(world.front.local);
        client.send("hello");
        client.read_until(world.reactor, 5);
        CHECK(world.open() == 3);
        client.socket.reset_on_close();
    }
    run_until(world.reactor, [&] { return world.open() == 0; });
    CHECK(world.live == 0);

    Proxied resets([](Stream& peer) -> Task<> {
        (void)co_await peer.read_some();
        peer.abort(errc::malformed_message);
    });
    FarEnd client(resets.front.local);
    client.send("hello");
    client.read_to_end(resets.reactor);
    CHECK(client.error == std::errc::connection_reset);
    run_until(resets.reactor, [&] { return resets.open() == 0; });
    CHECK(resets.live == 0);
}
