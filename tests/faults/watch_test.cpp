// A descriptor that cannot be watched is refused, and a watch costs few system calls.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_datagram.hpp>
#include <switchboard/reactor_stats.hpp>
#include <vector>

#include "failing_watch.hpp"
#include "platform/poll_set.hpp"
#include "reactor_impl.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using detail::Watches;

namespace {

bool libuv_alone() {
    const bool alone = !platform::kChangesPollSet;
    if (alone) MESSAGE("only libuv changes its set here: nothing checked");
    return alone;
}

// Watches of a separate loop, whose callbacks park.
struct Watched {
    Watched() : watches(loop, std::pmr::get_default_resource(), on_ready) { run_ready(reactor); }
    ~Watched() {
        watches.close();
        run_ready(reactor);
    }

    static void on_ready(uv_poll_t* handle, int status, int events) {
        auto& self = *static_cast<Watched*>(handle->data);
        self.came.push_back(status < 0 ? -1 : events);
        if (self.then) self.then();
    }
    void turn(int times = 1) {
        for (; times > 0; --times) {
            run_ready(reactor);
            watches.settle();
        }
    }
    std::error_code change(int fd, int events) { return watches.change(fd, events, on_ready); }

    Reactor reactor;
    detail::Loop& loop = detail::access(reactor).loop;
    Watches watches;
    std::vector<int> came;
    std::function<void()> then;
};

class Silent final : public DatagramProtocol {
    void on_datagram(DatagramSocket&, Datagram&) override {}
};

SocketOptions non_blocking() {
    SocketOptions how;
    how.blocking = Blocking::no;
    return how;
}

}  // namespace

TEST_CASE("watch: a listener that cannot be watched is refused, and the process survives") {
    if (libuv_alone()) return;
    for (const int error : {ENOSPC, ENOMEM}) {
        for (int after = 0; after < 4; ++after) {
            CAPTURE(after);
            const FailingWatch failing;
            Reactor reactor;
            run_ready(reactor);  // libuv adds its own descriptors in the first turn
            failing.fail(error, after);
            const auto listening = reactor.listen(endpoint("127.0.0.1:0"), echo_factory());
            for (int i = 0; i < 3; ++i) run_ready(reactor);
            failing.heal();
            CHECK(listening.has_value() == (after >= 2));
            if (!listening)
                CHECK(listening.error() == std::error_code(error, std::system_category()));
            const Listening again = listen_on(reactor, echo_factory());
            const FarEnd client(again.local);
            run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
        }
    }
}

TEST_CASE("watch: datagrams and connects that cannot be watched are refused") {
    if (libuv_alone()) return;
    for (int after = 0; after < 4; ++after) {
        CAPTURE(after);
        const Listener server;
        const FailingWatch failing;
        Reactor reactor;
        run_ready(reactor);
        failing.fail(ENOSPC, after);
        const auto bound =
            bind_datagram(reactor, endpoint("udp://127.0.0.1:0"), std::make_unique<Silent>());
        for (int i = 0; i < 3; ++i) run_ready(reactor);
        CHECK(bound.has_value() == (after >= 2));
        failing.fail(ENOSPC, after > 0 ? 1 : 0);
        std::error_code ended;
        ConnectOptions how;
        how.on_ended = [&](const Error& e) { ended = e.code(); };
        REQUIRE(reactor.connect(server.at, make_protocol({}), how));
        run_until(reactor, [&] { return bool(ended); });
        CHECK(ended == std::errc::no_space_on_device);
    }
}

TEST_CASE(
    "watch: a descriptor number that was watched before costs one call to start and one to stop") {
    if (libuv_alone()) return;
    const FailingWatch counts;
    Watched w;
    int first = -1;
    for (int round = 0; round < 3; ++round) {
        Pair pair("127.0.0.1:0", non_blocking());
        const int fd = pair.server.fd();
        if (first < 0) first = fd;
        REQUIRE(fd == first);
        counts.take();
        REQUIRE_FALSE(w.watches.start(fd, UV_READABLE, Watched::on_ready, &w));
        w.turn();
        CHECK(w.came.empty());
        w.then = [&] {
            w.watches.stop(fd);
            pair.server.close();
        };
        REQUIRE(pair.client.send(as_bytes("x")));
        w.turn(2);
        CHECK(w.came == std::vector<int>{UV_READABLE});
        w.came.clear();
        const auto made = counts.take();
        if (round == 0) continue;
        CHECK(made.added == 1);
        CHECK(made.changed == 0);
        CHECK(made.removed == 1);
        CHECK(made.failed == 0);
    }
}

TEST_CASE(
    "watch: a descriptor that cannot be watched again is refused, and its number is usable later") {
    if (libuv_alone()) return;
    const FailingWatch failing;
    Watched w;
    Pair pair("127.0.0.1:0", non_blocking());
    const int fd = pair.server.fd();
    w.then = [&] { w.watches.stop(fd); };
    const auto once = [&] {
        REQUIRE_FALSE(w.watches.start(fd, UV_WRITABLE, Watched::on_ready, &w));
        w.turn(2);
        w.turn();
    };
    once();
    failing.fail(ENOSPC);
    CHECK(w.watches.start(fd, UV_WRITABLE, Watched::on_ready, &w) == std::errc::no_space_on_device);
    w.turn();
    failing.heal();
    const std::size_t before = w.came.size();
    once();
    CHECK(w.came.size() > before);
}

TEST_CASE("watch: unwanted events do not come, however often the interest changes") {
    Watched w;
    const Pair pair("127.0.0.1:0", non_blocking());
    const int fd = pair.server.fd();
    REQUIRE(pair.client.send(as_bytes("x")));
    REQUIRE_FALSE(w.watches.start(fd, UV_READABLE, Watched::on_ready, &w));
    w.turn();
    CHECK(w.came == std::vector<int>{UV_READABLE});
    for (const int wanted : {int{UV_WRITABLE}, UV_READABLE | UV_WRITABLE, 0, int{UV_READABLE}, 0,
                             int{UV_WRITABLE}, int{UV_READABLE}}) {
        CAPTURE(wanted);
        REQUIRE_FALSE(w.change(fd, wanted));
        w.turn(3);
        w.came.clear();
        w.turn();
        const auto expected = wanted != 0 ? std::vector<int>{wanted} : std::vector<int>{};
        CHECK(w.came == expected);
    }
    w.watches.stop(fd);
    w.came.clear();
    w.turn(2);
    CHECK(w.came.empty());
}

TEST_CASE("watch: a reset is reported once, even if no events are wanted") {
    if (libuv_alone()) return;
    Watched w;
    Pair pair("127.0.0.1:0", non_blocking());
    const int fd = pair.server.fd();
    REQUIRE_FALSE(w.watches.start(fd, UV_READABLE, Watched::on_ready, &w));
    w.turn(2);
    REQUIRE_FALSE(w.change(fd, 0));
    REQUIRE(pair.client.send(as_bytes("not read")));
    w.turn(2);
    CHECK(w.came.empty());
    pair.client.reset_on_close();
    pair.client.close();
    w.turn(3);
    CHECK(w.came == std::vector<int>{-1});
    w.watches.stop(fd);
}

TEST_CASE("watch: a short connection costs its server two calls, and none of them fails") {
    if (libuv_alone()) return;
    const FailingWatch counts;
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    for (std::uint64_t round = 1; round <= 5; ++round) {
        const auto client = connect(listening.local);
        REQUIRE(client);
        run_until(reactor, [&] { return collect_stats(reactor).accepted == round; });
        REQUIRE(client->send(as_bytes("x")));
        run_until(reactor, [&] { return collect_stats(reactor).bytes_out == round; });
        ::shutdown(client->fd(), SHUT_WR);
        run_until(reactor, [&] { return collect_stats(reactor).closed == round; });
        const auto made = counts.take();
        if (round == 1) continue;  // libuv checks a new descriptor number the first time
        CHECK(made.added == 1);
        CHECK(made.changed == 0);
        CHECK(made.removed == 1);
        CHECK(made.failed == 0);
    }
}

TEST_CASE(
    "watch: a peer that resets is noticed while reading is paused, and one that shuts is not "
    "lost") {
    for (const bool reset : {true, false}) {
        CAPTURE(reset);
        Reactor reactor;
        std::error_code why;
        bool closed = false;
        Connection* paused = nullptr;
        const Listening listening = listen_on(reactor, callbacks([&] {
                                                  return Callbacks{.on_open =
                                                                       [&](Connection& c) {
                                                                           paused = &c;
                                                                           c.pause_reading();
                                                                       },
                                                                   .on_close =
                                                                       [&](std::error_code e) {
                                                                           why = e;
                                                                           closed = true;
                                                                       }};
                                              }));
        auto client = connect(listening.local);
        REQUIRE(client);
        run_until(reactor, [&] { return paused != nullptr; });
        REQUIRE(client->send(as_bytes("not read")));
        if (reset) client->reset_on_close();
        client->close();
        for (int i = 0; i < 20 && !closed; ++i) run_ready(reactor);
        CHECK(closed == reset);
        if (reset) CHECK(why == std::errc::connection_reset);
        if (!closed) {
            paused->resume_reading();
            run_until(reactor, [&] { return closed; });
            CHECK_FALSE(why);
        }
    }
}

TEST_CASE("watch: a number whose last event was an error is watched again") {
    if (libuv_alone()) return;
    Watched w;
    const Pair first("127.0.0.1:0", non_blocking()), next("127.0.0.1:0", non_blocking());
    Pair doomed("127.0.0.1:0", non_blocking());
    const int number = doomed.server.fd();
    REQUIRE_FALSE(w.watches.start(first.server.fd(), UV_READABLE, Watched::on_ready, &w));
    REQUIRE_FALSE(w.watches.start(number, UV_READABLE, Watched::on_ready, &w));
    w.turn(2);
    // Both events are in one batch. The first watch stops the second, whose error event is already fetched.
    REQUIRE(first.client.send(as_bytes("x")));
    doomed.client.reset_on_close();
    doomed.client.close();
    w.then = [&] {
        w.then = {};
        w.watches.stop(number);
    };
    w.turn();
    w.watches.stop(first.server.fd());
    REQUIRE(::dup2(next.server.fd(), number) == number);
    REQUIRE_FALSE(w.watches.start(number, UV_READABLE, Watched::on_ready, &w));
    REQUIRE(next.client.send(as_bytes("x")));
    w.came.clear();
    w.turn(2);
    CHECK(std::count(w.came.begin(), w.came.end(), int{UV_READABLE}) > 0);
    w.watches.stop(number);
}

TEST_CASE("watch: a host's watch of a number that was ours survives the reactor") {
    uv_loop_t host;
    REQUIRE(uv_loop_init(&host) == 0);
    auto reactor = std::make_unique<Reactor>(&host);
    const auto turns = [&] {
        for (int i = 0; i < 5; ++i) uv_run(&host, UV_RUN_NOWAIT);
    };
    const Listening listening = listen_on(*reactor, callbacks([&] {
        return Callbacks{.on_open = [](Connection& c) { c.close(); }};
    }));
    const auto client = connect(listening.local);
    REQUIRE(client);
    turns();
    REQUIRE(collect_stats(*reactor).closed == 1);
    Pair of_host("127.0.0.1:0", non_blocking());  // gets the descriptor number that is now free
    int came = 0;
    uv_poll_t poll;
    poll.data = &came;
    REQUIRE(uv_poll_init(&host, &poll, of_host.server.fd()) == 0);
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
        ++*static_cast<int*>(handle->data);
        uv_poll_stop(handle);
    });
    turns();
    reactor.reset();
    turns();
    REQUIRE(of_host.client.send(as_bytes("x")));
    turns();
    CHECK(came == 1);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll), nullptr);
    turns();
    CHECK(uv_loop_close(&host) == 0);
}

TEST_CASE("watch: a destructor does not touch numbers that the reactor no longer watches") {
    if (libuv_alone()) return;
    const FailingWatch counts;
    {
        Reactor reactor;
        const Listening listening = listen_on(reactor, echo_factory());
        for (std::uint64_t round = 1; round <= 2; ++round) {
            FarEnd client(listening.local);
            run_until(reactor, [&] { return collect_stats(reactor).accepted == round; });
            client.socket.close();
            run_until(reactor, [&] { return collect_stats(reactor).closed == round; });
        }
        reactor.close(listening.id);
        for (int i = 0; i < 3; ++i) run_ready(reactor);
        counts.take();
    }
    const auto made = counts.take();
    CHECK(made.removed == 0);
    CHECK(made.failed == 0);
}
