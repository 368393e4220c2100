#include <switchboard/reactor_stats.hpp>
#include "core/failing_new.hpp"
#include "counting_memory.hpp"
#include "datagram_ends.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

TEST_CASE(
    "reactor memory: connections, queues and tails are allocated from the resource, and freed") {
    constexpr std::size_t kQueued = 512 * 1024, kTail = 100'000;
    CountingMemory memory;
    {
        Reactor reactor({.memory = &memory});
        const std::vector<std::byte> reply(kQueued, std::byte{'r'});
        const Listening listening = listen_on(
            reactor, callbacks([&] {
                return Callbacks{.on_data = [&](Connection& c, MutableBytes in) -> std::size_t {
                    CHECK(c.memory() == &memory);
                    if (in.size() < kTail) return 0;
                    c.write(reply);
                    return in.size();
                }};
            }));
        const std::size_t before = memory.lent;
        FarEnd client(listening.local);
        const std::string request(kTail, 'q');
        std::size_t sent = client.send(std::string_view(request).substr(0, kTail - 1));
        run_until(reactor, [&] {
            sent += client.send(std::string_view(request).substr(sent, kTail - 1 - sent));
            return collect_stats(reactor).bytes_in == kTail - 1;
        });
        CHECK(memory.lent >= before + kTail - 1);
        const std::size_t with_tail = memory.lent;
        client.send("q");
        run_until(reactor, [&] { return collect_stats(reactor).bytes_in == kTail; });
        CHECK(memory.most >= with_tail);
        client.read_until(reactor, kQueued);
        CHECK(client.received.size() == kQueued);
        const std::size_t calls = memory.calls;
        CHECK(calls > 0);
    }
    CHECK(memory.lent == 0);
}

TEST_CASE("reactor memory: an echo allocates nothing, and an idle connection keeps no buffers") {
    CountingMemory memory;
    {
        Reactor reactor({.memory = &memory});
        const Listening listening = listen_on(reactor, echo_factory());
        FarEnd client(listening.local);
        client.send("hello");
        client.read_until(reactor, 5);
        const std::size_t calls = memory.calls;
        for (std::size_t i = 2; i <= 100; ++i) {
            client.send("hello");
            client.read_until(reactor, 5 * i);
        }
        CHECK(memory.calls == calls);
    }
    CHECK(memory.lent == 0);
}

TEST_CASE("reactor memory: a write to an idle connection allocates at most once") {
    CountingMemory memory;
    Reactor reactor({.memory = &memory});
    ConnectionId id;
    const Listening listening = listen_on(
        reactor,
        callbacks([&] { return Callbacks{.on_open = [&](Connection& c) { id = c.id(); }}; }));
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
    const auto buffer = std::make_shared<const std::vector<std::byte>>(1'000);
    const auto write = [&] {
        const std::size_t calls = memory.calls;
        reactor.find(id)->write_shared(buffer);
        return memory.calls - calls;
    };
    CHECK(write() <= 1);  // the first write, whose memory for output is kept
    CHECK(write() <= 1);  // behind a write that still waits
    client.read_until(reactor, 2'000);
    const std::size_t lent = memory.lent;
    for (std::size_t i = 3; i <= 100; ++i) {
        CHECK(write() == 0);
        client.read_until(reactor, 1'000 * i);
    }
    CHECK(memory.lent == lent);
    CHECK(buffer.use_count() == 1);
}

// Every operation that needs memory, without any left, costs only its own connection.
TEST_CASE(
    "reactor memory: when the resource is empty, connections that need memory end, others go on") {
    CountingMemory memory;
    {
        Reactor reactor({.log = [](LogLevel, std::string_view) {}, .memory = &memory});
        const std::string much(4 * 1024 * 1024, 'x');
        std::vector<std::error_code> ends;
        const auto handler = [&](auto on_data) {
            return callbacks([&, on_data] {
                return Callbacks{.on_data = on_data,
                                 .on_close = [&](std::error_code why) { ends.push_back(why); }};
            });
        };
        const Listening echoes = listen_on(reactor, echo_factory());
        const Listening writes = listen_on(reactor, handler([&](Connection& c, MutableBytes in) {
                                               c.write(much);
                                               return in.size();
                                           }));
        const Listening keeps =
            listen_on(reactor, handler([](Connection&, MutableBytes) { return std::size_t{0}; }));
        const Listening throws =
            listen_on(reactor, handler([](Connection&, MutableBytes) -> std::size_t { throw 1; }));
        const Listening shares =
            listen_on(reactor, handler([](Connection& c, MutableBytes in) {
                          c.write_shared(
                              std::make_shared<const std::vector<std::byte>>(in.begin(), in.end()));
                          return in.size();
                      }));
        FarEnd survivor(echoes.local);
        std::vector<FarEnd> doomed;
        for (const Listening& at : {writes, keeps, throws, shares}) doomed.emplace_back(at.local);
        run_until(reactor, [&] { return collect_stats(reactor).accepted == 5; });
        memory.empty = true;
        for (FarEnd& client : doomed) {
            client.send("x");
            client.read_to_end(reactor);
        }
        run_until(reactor, [&] { return ends.size() == 4; });
        for (const std::error_code& why : ends) CHECK(why == std::errc::not_enough_memory);
        survivor.send("hello");
        survivor.read_until(reactor, 5);
        CHECK(survivor.received == "hello");
        std::vector<FarEnd> more;  // more than there are free slots
        for (int i = 0; i < 70; ++i) more.emplace_back(echoes.local);
        run_until(reactor, [&] { return collect_stats(reactor).refused > 0; });
        memory.empty = false;
        FarEnd again(echoes.local);
        again.send("again");
        again.read_until(reactor, 5);
        CHECK(again.received == "again");
    }
    CHECK(memory.lent == 0);
}

TEST_CASE("reactor memory: datagram sockets and their queues are in the resource as well") {
    CountingMemory memory;
    {
        Reactor reactor({.memory = &memory});
        const std::size_t before = memory.lent;
        const DatagramBound echoes = bound(reactor, datagram_echo());
        CHECK(memory.lent > before);
        std::vector<std::error_code> errors;
        const DatagramBound sends =
            bound(reactor,
                  {.on_datagram =
                       [](DatagramSocket& s, Datagram& in) {
                           CHECK_FALSE(s.send(in.from, std::string(1000, 'x')));
                       },
                   .on_error = [&](DatagramSocket&,
                                   const DatagramError& error) { errors.push_back(error.code); }});
        const DatagramClient client(echoes.local), doomed(sends.local);
        client.send("hello");
        CHECK(client.receive(reactor) == "hello");
        memory.empty = true;
        CHECK(complaint(bind_datagram(reactor, kLoopback, handler({}))).find("memory") !=
              std::string::npos);
        doomed.send("now");
        run_until(reactor, [&] { return !errors.empty(); });
        CHECK(errors == std::vector{std::make_error_code(std::errc::not_enough_memory)});
        const std::size_t calls = memory.calls;
        client.send("again");  // uses memory from before
        CHECK(client.receive(reactor) == "again");
        CHECK(memory.calls == calls);
    }
    CHECK(memory.lent == 0);
}

TEST_CASE("reactor memory: a connection ends even without memory for the report of its end") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    std::error_code reason, told;
    Callbacks handler;
    handler.on_open = [](Connection& c) {
        c.close(errc::malformed_message);
        allocations_may_fail = true;
        allocations_until_failure = 0;
    };
    handler.on_close = [&](std::error_code why) {
        allocations_may_fail = false;
        CHECK(allocations_until_failure.exchange(-1) < 0);  // one allocation has failed
        reason = why;
    };
    ConnectOptions options;
    options.on_ended = [&](const Error& error) { told = error.code(); };
    REQUIRE(reactor.connect(listening.local, make_protocol(handler), options));
    run_until(reactor, [&] { return collect_stats(reactor).closed == 2; });
    CHECK(reason == errc::malformed_message);
    CHECK(told == errc::malformed_message);
}
