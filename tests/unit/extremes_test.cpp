// Durations and sizes of the public interface at their extremes: each means for ever, or no time at all,
// or is refused by an error that names it. The sanitizer of undefined behaviour watches.
#include <limits>
#include <switchboard/connection_pool.hpp>
#include <switchboard/reactor_datagram.hpp>
#include <switchboard/reactor_exchange.hpp>
#include <switchboard/reactor_group.hpp>
#include <switchboard/reconnect.hpp>
#include <switchboard/resolver.hpp>

#include "deadline.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kExtremes[] = {milliseconds::max(), milliseconds::max() - 1ms,
                                      milliseconds::min(), milliseconds(-1), milliseconds(0)};
constexpr std::size_t kMostSize = std::numeric_limits<std::size_t>::max();

std::string complaint(const Result<void>& result) {
    return result ? "" : result.error().message();
}

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
        options.reply_end = MessageEnd::after(2);
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

TEST_CASE("extremes: what a listener and a connect are given") {
    for (const milliseconds time : kExtremes) {
        CAPTURE(time.count());
        for (const auto member :
             {&Limits::accept_pause, &Limits::drain_deadline, &Limits::drain_idle,
              &Limits::connect_timeout, &Limits::first_byte_timeout, &Limits::idle_timeout,
              &Limits::lifetime, &Limits::write_stall_timeout, &Limits::close_timeout}) {
            Reactor reactor;
            ListenOptions in;
            in.limits.*member = time;
            in.accepts_per_second = in.max_per_address = kMostSize;
            auto listening = reactor.listen(endpoint("127.0.0.1:0"), echo_factory(), in);
            if (!listening) {
                CHECK(listening.error().message().find("limit ") == 0);
                listening = listen_on(reactor, echo_factory());
            }
            ConnectOptions out;
            out.limits.*member = time;
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
        ConnectionPool pool(reactor, {.most = kMostSize, .idle_time = time});
        int lent = 0;
        pool.borrow(listening.local, time, [&](auto lease) {
            lent += lease.has_value();
            if (lease) lease->give_back();
        });
        run_until(reactor, [&] { return lent == 1; });

        ReconnectOptions how;
        how.backoff = {.first = time, .most = time, .held = time, .give_up_after = time};
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
        Backoff backoff({.first = time, .most = time, .held = time, .give_up_after = time}, {});
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
    for (const auto member : {&Limits::max_connections, &Limits::backlog, &Limits::accepts_per_wake,
                              &Limits::high_water, &Limits::low_water, &Limits::max_queued,
                              &Limits::max_unread, &Limits::read_budget, &Limits::max_datagram}) {
        for (const std::size_t size : {kMostSize, std::size_t{0}}) {
            Reactor reactor;
            Limits limits;
            limits.*member = size;
            const auto checked = limits.check();
            if (!checked) CHECK(complaint(checked).find("limit ") == 0);
            ListenOptions how;
            how.limits = limits;
            const auto listening = reactor.listen(endpoint("127.0.0.1:0"), echo_factory(), how);
            CHECK(listening.has_value() == checked.has_value());
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
