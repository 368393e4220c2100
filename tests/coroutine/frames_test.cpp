// Where frames lie, how many allocations they cost, and how deep the stack gets.
#include <doctest/doctest.h>

#include <switchboard/reactor_stats.hpp>

#include "../support/counting_memory.hpp"
#include "../support/turns.hpp"
#include "counting_new.hpp"
#include "sessions.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

Task<bool> answers(Stream& peer) {
    const auto line = co_await peer.read_until("\n");
    if (line) peer.write(*line);
    co_return line.has_value();
}

Task<> by_lines(Stream& peer) {
    bool more = true;
    while (more) more = co_await answers(peer);
}

Task<> by_bytes(Stream& peer) {
    std::array<std::byte, 8> whole{};
    for (;;) {
        peer.set_timeout(10s);
        const auto got = co_await peer.read_into(whole);
        if (!got) co_return;
        if (!peer.write(whole)) co_await peer.drain();
    }
}

// Both sides of one exchange, on a reactor with its own memory.
struct OneClient {
    CountingMemory memory;
    Reactor reactor{{.memory = &memory}};
    Listening listening;
    FarEnd client;

    explicit OneClient(Task<> (*session)(Stream&))
        : listening(listen_on(reactor, coroutine(session))), client(listening.local) {
        for (int i = 0; i < 5; ++i) exchange();
    }
    void exchange() {
        client.received.clear();
        client.send("message\n");
        client.read_until(reactor, 8);
    }
};

}  // namespace

TEST_CASE("coroutine: an exchange allocates nothing") {
    for (const auto session : {echo_session, by_lines, by_bytes}) {
        OneClient one(session);
        const auto calls = one.memory.calls;
        const auto before = allocations.load();
        for (int i = 0; i < 100; ++i) one.exchange();
        CHECK(one.client.received == "message\n");
        CHECK(one.memory.calls == calls);
        CHECK(allocations - before < 20);  // the test's own strings
    }
}

TEST_CASE("coroutine: frames lie in the memory of the connection, and are given back") {
    CountingMemory memory;
    std::size_t at_rest = 0;
    {
        Reactor reactor({.memory = &memory});
        const auto listening = listen_on(reactor, coroutine(by_lines));
        for (int i = 0; i < 3; ++i) {
            at_rest = memory.lent;
            {
                FarEnd client(listening.local);
                run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
                CHECK(memory.lent > at_rest + 200);  // two frames
                client.send("message\n");
                client.read_until(reactor, 8);
            }
            run_until(reactor, [&] { return collect_stats(reactor).open == 0; });
        }
        CHECK(memory.lent == at_rest);
    }
    CHECK(memory.lent == 0);
}

TEST_CASE("coroutine: a frame that cannot be allocated ends its connection alone") {
    CountingMemory memory;
    Reactor reactor({.memory = &memory});
    const auto listening = listen_on(reactor, coroutine([&memory](Stream& s) -> Task<> {
                                         while (const auto in = co_await s.read_some()) {
                                             memory.empty = true;
                                             (void)co_await answers(s);
                                         }
                                     }));
    FarEnd client(listening.local);
    client.send("x");
    client.read_to_end(reactor);
    memory.empty = false;
    CHECK(client.error == std::errc::connection_reset);
    FarEnd other(listening.local);
    run_for(reactor, 20ms);
    CHECK_FALSE(other.over());
}

TEST_CASE("coroutine: a million nested awaits leave the stack as it is") {
    testing::MemoryDriver driver;
    std::uint64_t sum = 0;
    driver.connect(coroutine([&sum](Stream&) -> Task<> {
        const auto leaf = [](std::uint64_t i) -> Task<std::uint64_t> { co_return i; };
        for (std::uint64_t i = 0; i < 1'000'000; ++i) sum += co_await leaf(i);
    }));
    driver.run();
    CHECK(sum == 499'999'500'000);
}

TEST_CASE("coroutine: awaits may be nested a hundred thousand deep") {
    struct Deep {
        static Task<int> down(int depth) {
            if (depth == 0) co_return 0;
            co_return co_await down(depth - 1) + 1;
        }
    };
    testing::MemoryDriver driver;
    int depth = 0;
    driver.connect(
        coroutine([&depth](Stream&) -> Task<> { depth = co_await Deep::down(100'000); }));
    driver.run();
    CHECK(depth == 100'000);
}
