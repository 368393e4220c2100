#include <switchboard/layer.hpp>
#include <switchboard/live_handle.hpp>
#include <switchboard/reactor_stats.hpp>

#include <netinet/in.h>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Holds up the loop, like a handler that computes.
void compute_for(std::chrono::milliseconds time) {
    for (const auto end = Clock::now() + time; Clock::now() < end;) {
    }
}

struct Slowpoke : Protocol {
    std::size_t on_data(Connection& c, MutableBytes in) override {
        compute_for(in.size() * 1ms);
        c.write("done");
        return in.size();
    }
    void on_close(std::error_code) noexcept override { compute_for(40ms); }
};

struct LabelledSlowpoke final : Slowpoke {
    std::string_view label() const noexcept override { return "tortoise"; }
};

struct PlainLayer final : Layer {
    explicit PlainLayer(std::unique_ptr<Protocol> above) : Layer(std::move(above)) {}
};

// The warnings of a reactor, without the durations.
struct Logged {
    std::vector<std::string> lines;
    LogSink sink() {
        return [this](LogLevel level, std::string_view text) {
            if (level == LogLevel::warning) lines.emplace_back(text.substr(0, text.rfind(" for ")));
        };
    }
};

std::uint64_t closed_by(const ReactorStats& stats, CloseCause cause) {
    return stats.closed_by[static_cast<std::size_t>(cause)];
}

}  // namespace

TEST_CASE("reactor stats: who held up the loop is named, and no other handler") {
    Logged logged;
    Reactor reactor({.log = logged.sink(), .stall_report = 30ms});
    const Listening slow = listen_on(reactor, factory_of<Slowpoke>());
    const Listening quick = listen_on(reactor, echo_factory());
    FarEnd client(slow.local), other(quick.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 2; });
    const std::string who = client.socket.local().value().to_string();

    client.send(std::string(50, 'x'));
    other.send("at the same time");  // usually handled in the same turn
    client.read_until(reactor, 4);
    other.read_until(reactor, 16);
    const std::string expected =
        "a callback of (anonymous namespace)::Slowpoke (connection from " + who + ") held the loop";
    CHECK(logged.lines == std::vector{expected});
    const ReactorStats after = collect_stats(reactor);
    CHECK(after.stalls == 1);
    CHECK(after.longest_callback >= 49ms);
    CHECK(after.longest_turn >= 49ms);

    client.send("x");  // below stall_report
    client.read_until(reactor, 8);
    CHECK(logged.lines.size() == 1);

    client.socket.close();
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    REQUIRE(logged.lines.size() == 2);
    CHECK(logged.lines[1] == "on_close of (anonymous namespace)::Slowpoke held the loop");
}

TEST_CASE(
    "reactor stats: a protocol that held up the loop is named by its label, also above a layer") {
    const std::vector<ProtocolFactory> factories{
        factory_of<LabelledSlowpoke>(),
        [] { return std::make_unique<PlainLayer>(std::make_unique<LabelledSlowpoke>()); }};
    for (const ProtocolFactory& factory : factories) {
        Logged logged;
        Reactor reactor({.log = logged.sink(), .stall_report = 30ms});
        FarEnd client(listen_on(reactor, factory).local);
        run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
        const std::string who = client.socket.local().value().to_string();
        client.send(std::string(50, 'x'));
        client.read_until(reactor, 4);
        client.socket.close();
        run_until(reactor, [&] { return collect_stats(reactor).open == 0; });
        CHECK(logged.lines == std::vector<std::string>{"a callback of tortoise (connection from " +
                                                           who + ") held the loop",
                                                       "on_close of tortoise held the loop"});
    }
}

TEST_CASE("reactor stats: a timer and a post that hold up the loop are reported") {
    Logged logged;
    Reactor reactor({.log = logged.sink(), .stall_report = 20ms});
    reactor.after(0ms, [] { compute_for(30ms); });
    reactor.run();
    reactor.post([] { compute_for(30ms); });
    reactor.run();
    CHECK(logged.lines == std::vector<std::string>{"timer held the loop", "post held the loop"});
    CHECK(collect_stats(reactor).stalls == 2);
}

TEST_CASE("reactor stats: a stall_report of zero reports no stalls") {
    Logged logged;
    Reactor reactor({.log = logged.sink(), .stall_report = 0ms});
    reactor.after(0ms, [] { compute_for(30ms); });
    reactor.run();
    CHECK(logged.lines.empty());
    CHECK(collect_stats(reactor).stalls == 0);
    CHECK(collect_stats(reactor).longest_callback >= 29ms);
}

TEST_CASE("reactor stats: the delay of late timers is measured") {
    Reactor reactor;
    int calls = 0;
    reactor.after(5ms, [&] { ++calls; });
    compute_for(50ms);
    reactor.run();
    const ReactorStats stats = collect_stats(reactor);
    CHECK(calls == 1);
    CHECK(stats.timers_fired == 1);
    CHECK(stats.timer_delay_max >= 44ms);
    CHECK(stats.timer_delay_total == stats.timer_delay_max);
}

TEST_CASE("reactor stats: closed connections are counted by cause") {
    Reactor reactor;
    const Listening listening =
        listen_on(reactor, callbacks([] {
                      return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
                          if (in[0] == std::byte{'t'}) throw std::runtime_error("as asked");
                          if (in[0] == std::byte{'m'}) c.close(errc::malformed_message);
                          if (in[0] == std::byte{'d'}) c.abort(errc::idle_timed_out);
                          if (in[0] == std::byte{'c'}) c.close();
                          return in.size();
                      }};
                  }));
    for (const char* said : {"t", "m", "d", "c", ""}) {
        FarEnd client(listening.local);
        if (*said == '\0') client.socket.reset_on_close();
        client.send(said);
        run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
        if (*said == '\0') client.socket.close();
        run_until(reactor, [&] { return collect_stats(reactor).open == 0; });
    }
    const ReactorStats stats = collect_stats(reactor);
    CHECK(closed_by(stats, CloseCause::failed) == 1);
    CHECK(closed_by(stats, CloseCause::bad_message) == 1);
    CHECK(closed_by(stats, CloseCause::timed_out) == 1);
    CHECK(closed_by(stats, CloseCause::orderly) == 1);
    CHECK(closed_by(stats, CloseCause::reset) == 1);
    CHECK(stats.closed == 5);
}

TEST_CASE("reactor stats: every cause has a name, and every error of the library a cause") {
    CHECK(close_cause({}) == CloseCause::orderly);
    CHECK(close_cause(std::make_error_code(std::errc::broken_pipe)) == CloseCause::reset);
    CHECK(close_cause(std::make_error_code(std::errc::timed_out)) == CloseCause::timed_out);
    CHECK(close_cause(errc::write_stalled) == CloseCause::timed_out);
    CHECK(close_cause(errc::write_queue_full) == CloseCause::queue_full);
    CHECK(close_cause(errc::incomplete_message) == CloseCause::bad_message);
    CHECK(close_cause(errc::stopping) == CloseCause::stopping);
    CHECK(close_cause(std::make_error_code(std::errc::no_buffer_space)) == CloseCause::other);
    CHECK(std::string(to_string(CloseCause::queue_full)) == "queue_full");
    CHECK(std::string(to_string(CloseCause::other)) == "other");
}

TEST_CASE("reactor stats: paused connections and queued bytes are current values") {
    Reactor reactor;
    const Listening listening = listen_on(
        reactor,
        callbacks([] { return Callbacks{.on_open = [](Connection& c) { c.pause_reading(); }}; }));
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    CHECK(collect_stats(reactor).paused == 1);
    client.socket.reset_on_close();
}

TEST_CASE("reactor stats: as JSON, each figure under its name") {
    ReactorStats stats;
    stats.accepted = 3;
    stats.open = 2;
    stats.longest_callback = 17ms;
    stats.closed_by[static_cast<std::size_t>(CloseCause::reset)] = 1;
    const auto json = nlohmann::json::parse(to_json(stats));
    CHECK(json["accepted"] == 3);
    CHECK(json["open"] == 2);
    CHECK(json["longest_callback"] == 17);
    CHECK(json["closed_by"]["reset"] == 1);
    CHECK(json["closed_by"].size() == kCloseCauses);
    CHECK(json["queued_bytes"] == 0);
}

TEST_CASE("reactor stats: as Prometheus text, for one reactor and for several") {
    std::vector<ReactorStats> stats(2);
    stats[0].accepted = 3;
    stats[1].longest_turn = 1500ms;
    const std::string one = to_prometheus({stats.data(), 1});
    CHECK(one.find("# TYPE switchboard_accepted_total counter\nswitchboard_accepted_total 3\n") !=
          std::string::npos);
    CHECK(one.find("switchboard_closed_by_total{cause=\"reset\"} 0\n") != std::string::npos);
    const std::string both = to_prometheus(stats);
    CHECK(both.find("switchboard_accepted_total{reactor=\"0\"} 3\n"
                    "switchboard_accepted_total{reactor=\"1\"} 0\n") != std::string::npos);
    CHECK(both.find("switchboard_longest_turn_seconds{reactor=\"1\"} 1.500\n") !=
          std::string::npos);
    CHECK(both.find("switchboard_closed_by_total{reactor=\"1\",cause=\"other\"} 0\n") !=
          std::string::npos);
    // Each metric must occur once. To Prometheus a second TYPE line for a name is an error.
    std::vector<std::string> types;
    for (std::size_t at = 0; (at = both.find("# TYPE ", at)) != std::string::npos; ++at)
        types.push_back(both.substr(at, both.find('\n', at) - at));
    const auto count = types.size();
    std::sort(types.begin(), types.end());
    types.erase(std::unique(types.begin(), types.end()), types.end());
    CHECK(types.size() == count);
    CHECK(count > 30);
}

TEST_CASE("reactor stats: for several reactors, counts are added and maxima kept") {
    ReactorStats all, other;
    all.accepted = 1;
    all.longest_turn = 5ms;
    all.timer_delay_total = 1ms;
    other.accepted = 2;
    other.longest_turn = 3ms;
    other.timer_delay_total = 2ms;
    other.closed_by[0] = 4;
    all += other;
    CHECK(all.accepted == 3);
    CHECK(all.longest_turn == 5ms);
    CHECK(all.timer_delay_total == 3ms);
    CHECK(all.closed_by[0] == 4);
}

TEST_CASE("why alive: names each live handle, with the line that created it") {
    Reactor reactor;
    CHECK(active_handles(reactor).empty());
    const auto listening = reactor.listen(endpoint("127.0.0.1:0"), echo_factory());
    const auto listen_line = std::to_string(__LINE__ - 1);
    REQUIRE(listening);
    const auto timer = reactor.every(1h, [] {});
    const auto timer_line = std::to_string(__LINE__ - 1);
    FarEnd client(listening->local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 1; });
    reactor.post([] {});
    auto alive = active_handles(reactor);
    REQUIRE(alive.size() == 4);
    const std::string file = "reactor_stats_test.cpp:";
    const auto of_kind = [&](LiveHandle::Kind kind) {
        const auto found = std::find_if(alive.begin(), alive.end(),
                                        [&](const auto& handle) { return handle.kind == kind; });
        REQUIRE(found != alive.end());
        return *found;
    };
    const LiveHandle listener = of_kind(LiveHandle::Kind::listener);
    CHECK(listener.what == "listener " + listening->local.to_string());
    CHECK(listener.created_at == file + listen_line);
    const LiveHandle connection = of_kind(LiveHandle::Kind::connection);
    CHECK(connection.what ==
          "connection from " + client.socket.local().value().to_string() + " (open)");
    CHECK(connection.created_at == file + listen_line);
    CHECK(of_kind(LiveHandle::Kind::timer).created_at == file + timer_line);
    CHECK(of_kind(LiveHandle::Kind::posts).what == "pending posts");
    reactor.cancel(timer);
    reactor.close(listening->id);
    client.socket.close();
    reactor.run();
    CHECK(active_handles(reactor).empty());
}

TEST_CASE("why alive: ages and queued bytes") {
    Reactor reactor;
    const auto produce = [](Connection& c) {
        while (c.write(std::string(32 * 1024, 'x'))) {
        }
    };
    const Listening listening = listen_on(
        reactor, callbacks([=] { return Callbacks{.on_open = produce, .on_writable = produce}; }));
    FarEnd client(listening.local);
    const int size = 4096;
    ::setsockopt(client.socket.fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    run_until(reactor, [&] { return collect_stats(reactor).queued_bytes > 0; });
    run_until(reactor, [&] {  // wait until they are 20 ms old
        const auto live = active_handles(reactor);
        return std::all_of(live.begin(), live.end(), [](auto& one) { return one.age >= 20ms; });
    });
    for (const LiveHandle& handle : active_handles(reactor)) {
        CHECK(handle.age < 20s);
        const bool queues = handle.kind == LiveHandle::Kind::connection;
        CHECK((handle.queued_bytes > 0) == queues);
        if (queues)
            CHECK(to_string(handle).find(std::to_string(handle.queued_bytes) + " bytes queued") !=
                  std::string::npos);
    }
    client.socket.reset_on_close();
}

TEST_CASE("why alive: after a drain it shows why the loop still runs") {
    Reactor reactor;
    listen_on(reactor, echo_factory());
    const auto timer = reactor.every(1h, [] {});
    bool drained = false;
    reactor.drain(1s, [&](std::size_t) { drained = true; });
    run_until(reactor, [&] { return drained; });
    const auto alive = active_handles(reactor);
    REQUIRE(alive.size() == 1);
    CHECK(to_string(alive[0]).find("timer of every(), made at reactor_stats_test.cpp:") == 0);
    reactor.cancel(timer);
    reactor.run();
}
