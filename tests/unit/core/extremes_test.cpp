// Extreme durations and sizes in the public interface. Each means without limit or at once, or is refused by
// an error that names it. UBSan checks that none overflows.
#include <limits>
#include <switchboard/connection_pool.hpp>
#include <switchboard/reactor_datagram.hpp>
#include <switchboard/reactor_exchange.hpp>
#include <switchboard/reactor_group.hpp>
#include <switchboard/reconnect.hpp>
#include <switchboard/resolver.hpp>

#include "base/deadline.hpp"
#include "text.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kExtremes[] = {milliseconds::max(), milliseconds::max() - 1ms,
                                      milliseconds::min(), milliseconds(-1), milliseconds(0)};
constexpr std::size_t kMostSize = std::numeric_limits<std::size_t>::max();

}  // namespace

TEST_CASE("extremes: a deadline saturates") {
    using detail::deadline_after;
    const auto never = Clock::time_point::max();
    const auto now = Clock::now();
    CHECK(deadline_after(now, milliseconds::max()) == never);
    CHECK(deadline_after(never, 1ms) == never);
    CHECK(deadline_after(now, 1ms) == now + 1ms);
    CHECK(deadline_after(now, milliseconds::min()) == now);
    CHECK(deadline_after(Clock::time_point::min(), milliseconds::max()) == never);
    CHECK(detail::limit_after(now, 0ms) == never);
    CHECK(detail::limit_after(now, -1ms) == never);
}

TEST_CASE("extremes: blocking calls") {
    for (const milliseconds time : kExtremes) {
        CAPTURE(time.count());
        const Listener listener;
        auto socket = connect(listener.at, time);
        REQUIRE(socket);
        const auto set = socket->set_timeouts(time, time);
        if (time >= 0ms) CHECK(set);
        if (!set) CHECK(complaint(set).find("set timeouts") == 0);
        CHECK(socket->send(as_bytes("x")));

        const Listener server;
        std::thread thread([&] {
            const auto got = server.socket.accept();
            CHECK(receive_all(*got) == "hi");
            CHECK(got->send_all(as_bytes("ho")));
        });
        ExchangeOptions options;
        options.timeout = time;
        options.max_reply = kMostSize;
        const auto reply = exchange(server.at, as_bytes("hi"), options);
        thread.join();
        CHECK(reply.value().size() == 2);
    }
}

TEST_CASE("extremes: an exchange of the reactor") {
    for (const milliseconds time : kExtremes) {
        CAPTURE(time.count());
        Reactor reactor;
        const Listening listening = listen_on(reactor, echo_factory());
        ExchangeOptions options;
        options.timeout = time;
        options.reply_framing = Framing::fixed(2);
        std::string said;
        exchange(reactor, listening.local, {std::byte{'h'}, std::byte{'i'}}, options, [&](auto r) {
            said = r ? std::string(as_text(*r)) : r.error().message();
            reactor.stop();
        });
        reactor.run();
        if (time >= 0ms) CHECK(said == "hi");
        if (time < 0ms) CHECK(said.find("connect_timeout") != std::string::npos);
    }
}

TEST_CASE("extremes: timers, drains and look-ups of the reactor") {
    for (const milliseconds time : kExtremes) {
        CAPTURE(time.count());
        Reactor reactor({.stall_report = time});
        int came = 0, looked_up = 0;
        const bool ever = time <= 0ms;
        reactor.after(time, [&] { ++came; });
        const auto every = reactor.every(
            time, [&] { ++came; }, Rate::fixed_delay);
        const auto other = reactor.every(time, [&] { ++came; });
        resolve(reactor, "localhost", "1", [&](auto) { ++looked_up; }, {.timeout = time});
        run_until(reactor, [&] { return looked_up == 1 && (!ever || came >= 3); });
        CHECK((came > 0) == ever);
        reactor.cancel(every);
        reactor.cancel(other);
        bool drained = false;
        reactor.drain(time, [&](std::size_t) { drained = true; });
        run_until(reactor, [&] { return drained; });
    }
}

using TimeLimit = milliseconds& (*)(Limits& limits);
const TimeLimit kTimeLimits[] = {
    [](Limits& l) -> milliseconds& { return l.server.accept_retry_delay; },
    [](Limits& l) -> milliseconds& { return l.server.drain_timeout; },
    [](Limits& l) -> milliseconds& { return l.connection.drain_idle_timeout; },
    [](Limits& l) -> milliseconds& { return l.connection.connect_timeout; },
    [](Limits& l) -> milliseconds& { return l.connection.first_byte_timeout; },
    [](Limits& l) -> milliseconds& { return l.connection.idle_timeout; },
    [](Limits& l) -> milliseconds& { return l.connection.max_connection_age; },
    [](Limits& l) -> milliseconds& { return l.connection.write_stall_timeout; },
    [](Limits& l) -> milliseconds& { return l.connection.close_timeout; },
};

using SizeLimit = std::size_t& (*)(Limits& limits);
const SizeLimit kSizeLimits[] = {
    [](Limits& l) -> std::size_t& { return l.server.max_connections; },
    [](Limits& l) -> std::size_t& { return l.server.backlog; },
    [](Limits& l) -> std::size_t& { return l.server.max_accepts_per_turn; },
    [](Limits& l) -> std::size_t& { return l.connection.high_water; },
    [](Limits& l) -> std::size_t& { return l.connection.low_water; },
    [](Limits& l) -> std::size_t& { return l.connection.max_write_buffer; },
    [](Limits& l) -> std::size_t& { return l.connection.max_read_buffer; },
    [](Limits& l) -> std::size_t& { return l.connection.read_budget; },
    [](Limits& l) -> std::size_t& { return l.datagram.max_datagram; },
};

TEST_CASE("extremes: what a listener and a connect are given") {
    for (const milliseconds time : kExtremes) {
        CAPTURE(time.count());
        for (const TimeLimit limit : kTimeLimits) {
            Limits limits;
            limit(limits) = time;
            Reactor reactor;
            ListenOptions in;
            in.server = limits.server;
            in.connection = limits.connection;
            in.server.accepts_per_second = in.server.max_per_address = kMostSize;
            auto listening = reactor.listen(endpoint("127.0.0.1:0"), echo_factory(), in);
            if (!listening) {
                CHECK(listening.error().message().find("limit ") == 0);
                listening = listen_on(reactor, echo_factory());
            }
            ConnectOptions out;
            out.limits = limits.connection;
            out.attempt_delay = std::max(time, 10ms);
            std::string echoed;
            auto talks =
                make_protocol({.on_open =
                                   [](Connection& c) {
                                       c.set_deadline(Clock::time_point::max());
                                       c.write("hi");
                                   },
                               .on_data =
                                   [&](Connection& c, MutableBytes data) {
                                       echoed += as_text(data);
                                       if (echoed == "hi") c.close();
                                       return data.size();
                                   },
                               .on_close = [&](std::error_code) { reactor.drain(time, {}); }});
            const auto connected =
                reactor.connect(listening->local, std::move(talks), std::move(out));
            if (!connected) CHECK(connected.error().message().find("limit ") == 0);
            if (!connected) continue;
            reactor.run();
            CHECK(echoed == "hi");
        }
        Reactor reactor;
        ConnectOptions early;
        early.attempt_delay = std::min(time, 9ms);
        const auto refused = reactor.connect(endpoint("127.0.0.1:1"), make_protocol({}), early);
        CHECK(refused.error().message().find("attempt_delay") == 0);
    }
}

TEST_CASE("extremes: pools and clients that reconnect") {
    for (const milliseconds time : kExtremes) {
        CAPTURE(time.count());
        Reactor reactor;
        const Listening listening = listen_on(reactor, echo_factory());
        ConnectionPool pool(reactor, {.max_per_endpoint = kMostSize, .idle_timeout = time});
        int lent = 0;
        pool.acquire(listening.local, time, [&](auto lease) {
            lent += lease.has_value();
            if (lease) lease->release();
        });
        run_until(reactor, [&] { return lent == 1; });

        ReconnectOptions how;
        how.backoff = {.initial = time, .max = time, .reset_after = time, .max_elapsed = time};
        int tries = 0;
        ReconnectingClient client(reactor, listening.local, callbacks([&] {
                                      ++tries;
                                      return Callbacks{.on_open = [](Connection& c) { c.close(); }};
                                  }),
                                  how);
        run_until(reactor, [&] { return tries > (time > 0ms ? 0 : 1); });
    }
}

TEST_CASE("extremes: a back-off") {
    for (const milliseconds time : kExtremes) {
        CAPTURE(time.count());
        Backoff backoff({.initial = time, .max = time, .reset_after = time, .max_elapsed = time},
                        {});
        const auto now = Clock::now();
        for (int i = 0; i < 3; ++i) {
            backoff.connected(now);
            const auto wait = backoff.ended(now + 1ms);
            if (wait) CHECK(*wait >= 0ms);
            if (wait) CHECK(*wait <= std::max(time, 0ms));
        }
    }
}

TEST_CASE("extremes: sizes of Limits are taken or refused by name") {
    for (const SizeLimit limit : kSizeLimits) {
        for (const std::size_t size : {kMostSize, std::size_t{0}}) {
            Reactor reactor;
            Limits limits;
            limit(limits) = size;
            const auto checked = limits.check();
            if (!checked) CHECK(complaint(checked).find("limit ") == 0);
            ListenOptions how;
            how.server = limits.server;
            how.connection = limits.connection;
            const auto listening = reactor.listen(endpoint("127.0.0.1:0"), echo_factory(), how);
            CHECK(listening.has_value() == (limits.server.check() && limits.connection.check()));
            if (!listening) continue;
            FarEnd client(listening->local);
            client.send("hi");
            client.read_until(reactor, 2);
            CHECK(client.received == "hi");
        }
    }
}

TEST_CASE("extremes: a group's drain") {
    for (const milliseconds time : kExtremes) {
        ReactorGroup group(2);
        REQUIRE(group.listen(endpoint("127.0.0.1:0"), echo_factory()));
        bool drained = false;
        group.drain(time, [&](std::size_t) { drained = true; });
        group.run();
        CHECK(drained);
    }
}
