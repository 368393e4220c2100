// The load generator against servers in this process.
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <generator/generator.hpp>
#include <self_test/delayed_echo.hpp>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/relay.hpp>
#include <switchboard/replies.hpp>
#include <thread>

#include "loopback.hpp"

using namespace switchboard;
using namespace switchboard::bench;
using namespace std::chrono_literals;

namespace {

// A reactor on its own thread.
class TestServer {
public:
    using MakeFactory = std::function<ProtocolFactory(Reactor&)>;

    explicit TestServer(const ProtocolFactory& factory)
        : TestServer([&](Reactor&) { return factory; }) {}
    explicit TestServer(const MakeFactory& make) {
        const auto listening = reactor_.listen(*Endpoint::parse("127.0.0.1:0"), make(reactor_));
        REQUIRE(listening.has_value());
        endpoint = listening->local;
        thread_ = std::thread([this] { reactor_.run(); });
    }
    ~TestServer() {
        reactor_.post([this] { reactor_.stop(); });
        thread_.join();
    }
    std::uint64_t bytes_in() { return stats().bytes_in; }
    std::size_t connections() { return stats().open; }

    Endpoint endpoint;

private:
    ReactorStats stats() {
        std::promise<ReactorStats> told;
        reactor_.post([&] { told.set_value(collect_stats(reactor_)); });
        return told.get_future().get();
    }

    Reactor reactor_;
    std::thread thread_;
};

ProtocolFactory hub_of(Reactor& reactor) {
    return make_hub([&reactor](ConnectionId id) { return reactor.find(id); });
}

LoadPlan short_plan(const Endpoint& target, const GroupPlan& group) {
    LoadPlan plan;
    plan.target = target;
    plan.group = group;
    plan.quiet_period = 300ms;
    plan.warm_up = 20ms;
    plan.duration = 200ms;
    return plan;
}

// Answers only the first message of each connection.
ProtocolFactory answers_once() {
    return callbacks([] {
        Callbacks once;
        once.on_data = [answered = false](Connection& c, MutableBytes in) mutable {
            if (!std::exchange(answered, true)) c.write(in);
            return in.size();
        };
        return once;
    });
}

// After `opened` is set, answers 100 more messages of the first connection and ignores its later ones.
ProtocolFactory drops_first(const std::atomic<bool>& opened) {
    return callbacks([&opened, made = std::make_shared<int>(0)] {
        Callbacks one;
        one.on_data = [&opened, left = (*made)++ == 0 ? 100 : -1](Connection& c,
                                                                  MutableBytes in) mutable {
            if (left != 0) c.write(in);
            if (left > 0 && opened) --left;
            return in.size();
        };
        return one;
    });
}

LoadResult run(const LoadPlan& plan, const LoadHooks& hooks = {}) {
    auto result = run_load(plan, hooks);
    REQUIRE_MESSAGE(result.has_value(), result.error().message());
    CHECK_MESSAGE(result->tally.failed == 0, result->tally.failures_text());
    return *std::move(result);
}

}  // namespace

TEST_CASE("bench generator: its figures agree with the server's to 2%") {
    TestServer server(factory_of<Echo>());
    std::uint64_t before = 0, after = 0;
    LoadHooks hooks;
    hooks.window_opens = [&] { before = server.bytes_in(); };
    hooks.window_closes = [&] { after = server.bytes_in(); };
    LoadPlan plan = short_plan(server.endpoint, {.connections = 20, .size = 100});
    plan.duration = 1'000ms;
    const LoadResult result = run(plan, hooks);
    const double counted = static_cast<double>(after - before) / 100;
    CHECK(result.tally.exchanges > 2'000);
    CHECK(static_cast<double>(result.tally.exchanges) > 0.98 * counted);
    CHECK(static_cast<double>(result.tally.exchanges) < 1.02 * counted);
    CHECK(result.tally.served == 20);
    CHECK(result.seconds >= 1);
}

TEST_CASE("bench generator: an open loop sends at the given rate") {
    TestServer server(factory_of<Echo>());
    LoadPlan plan = short_plan(server.endpoint, {.connections = 10});
    plan.rate = 2'000;
    plan.duration = 500ms;
    const LoadResult result = run(plan);
    CHECK(result.tally.due >= 999);
    CHECK(result.tally.due <= 1'001);
    CHECK(result.tally.latency.count() == result.tally.due);
    CHECK(result.tally.uncorrected.count() == result.tally.due);
    CHECK(result.tally.unanswered == 0);
    CHECK(result.seconds == 0.5);
    CHECK(result.lateness.count() >= 999);
}

TEST_CASE("bench generator: at_rest comes after the window's last replies, still connected") {
    constexpr auto kDelay = 100ms;
    TestServer server(ProtocolFactory(
        [=] { return std::make_unique<DelayedEcho>([=](auto now) { return now + kDelay; }); }));
    Clock::time_point closed{}, rest{};
    std::size_t connected = 0;
    LoadHooks hooks;
    hooks.window_closes = [&] { closed = Clock::now(); };
    hooks.at_rest = [&] {
        rest = Clock::now();
        connected = server.connections();
    };
    LoadPlan plan = short_plan(server.endpoint, {.connections = 10});
    plan.rate = 50;
    const LoadResult result = run(plan, hooks);
    CHECK(result.tally.unanswered == 0);
    CHECK(rest - closed > kDelay / 2);
    CHECK(connected == 10);
}

TEST_CASE("bench generator: an exception of a hook ends the run and reaches the caller") {
    TestServer server(factory_of<Echo>());
    LoadHooks hooks;
    hooks.at_rest = [] { throw std::runtime_error("no rest"); };
    CHECK_THROWS_WITH(run_load(short_plan(server.endpoint, {}), hooks), "no rest");
    hooks = {};
    hooks.window_opens = [] { throw std::runtime_error("no window"); };
    CHECK_THROWS_WITH(run_load(short_plan(server.endpoint, {}), hooks), "no window");
}

TEST_CASE("bench generator: every workload against its server") {
    const std::pair<const char*, ProtocolFactory> servers[] = {
        {"echo", factory_of<Echo>()},       {"line", factory_of<LineEcho>()},
        {"frame", factory_of<FrameEcho>()}, {"reply", factory_of<Replier>()},
        {"connect", factory_of<Echo>()},    {"upload", factory_of<Discard>()},
        {"download", factory_of<Chargen>()}};
    for (const auto& served : servers) {
        const std::string workload = served.first;
        CAPTURE(workload);
        TestServer server(served.second);
        const LoadResult result =
            run(short_plan(server.endpoint, {.workload = workload, .connections = 5, .size = 500}));
        CHECK(result.tally.served == 5);
        CHECK(result.tally.exchanges > 50);
        // A request that is in flight at an edge of the window counts partly.
        const bool one_way = workload == "upload" || workload == "download";
        const auto each = workload == "reply" ? 564 : one_way ? 500 : 1'000;
        const auto bytes = static_cast<double>(result.tally.exchanges) * each;
        CHECK(static_cast<double>(result.bytes) == doctest::Approx(bytes).epsilon(0.2));
    }
    TestServer hub(TestServer::MakeFactory{hub_of});
    const LoadResult heard =
        run(short_plan(hub.endpoint, {.workload = "fan-out", .connections = 5}));
    CHECK(heard.tally.served == 5);
    CHECK(heard.tally.exchanges > 20);
}

TEST_CASE("bench generator: background connections open before the window, and stay") {
    TestServer server(factory_of<Echo>());
    LoadPlan plan = short_plan(server.endpoint, {.connections = 5});
    plan.background = {{.workload = "idle", .connections = 50},
                       {.workload = "stalled", .connections = 3},
                       {.workload = "slow-reader", .connections = 1, .size = 16'384, .depth = 64}};
    const LoadResult result = run(plan);
    CHECK(result.tally.served == 5);
    REQUIRE(result.background.size() == 3);
    CHECK(result.background[0].answered == 50);
    CHECK(result.background[1].connected == 3);
    CHECK(result.background[2].exchanges > 0);
    for (const Tally& background : result.background) CHECK(background.failed == 0);
}

TEST_CASE("bench generator: a given number of exchanges ends the run") {
    TestServer server(factory_of<Echo>());
    LoadPlan plan = short_plan(server.endpoint, {.connections = 3});
    plan.duration = 1h;
    plan.exchanges = 500;
    const LoadResult result = run(plan);
    CHECK(result.tally.exchanges == 500);
    CHECK(result.seconds < 60);
}

TEST_CASE("bench generator: without a listener, each connection is refused") {
    Endpoint nobody;
    {
        const test::Listener listener;
        nobody = listener.at;
    }
    const auto result = run_load(short_plan(nobody, {.connections = 7}));
    REQUIRE(result.has_value());
    CHECK(result->tally.failures[static_cast<std::size_t>(Failure::refused)] == 7);
    CHECK(result->tally.exchanges == 0);
}

TEST_CASE("bench generator: an open loop without replies ends after its patience") {
    TestServer server(answers_once());
    LoadPlan plan = short_plan(server.endpoint, {.connections = 2});
    plan.rate = 100;
    plan.patience = 100ms;
    const auto result = run_load(plan);
    REQUIRE(result.has_value());
    CHECK(result->tally.exchanges == 0);
    CHECK(result->tally.due == result->tally.unanswered);
    CHECK(result->tally.due >= 19);
    CHECK(result->tally.latency.max() > 100'000'000);
}

TEST_CASE(
    "bench generator: an interrupt counts pending requests as unanswered, in the window or after") {
    for (const bool after : {false, true}) {
        CAPTURE(after);
        TestServer server(answers_once());
        LoadPlan plan = short_plan(server.endpoint, {.connections = 2});
        plan.rate = 1'000;
        plan.patience = 1h;
        if (!after) plan.duration = 1h;
        bool closed = false;
        LoadHooks hooks;
        hooks.window_closes = [&] { closed = true; };
        hooks.interrupted = [&](const Tally& tally) { return after ? closed : tally.due >= 50; };
        const LoadResult result = run(plan, hooks);
        CHECK(result.interrupted);
        CHECK(closed);
        CHECK(result.tally.due >= 50);
        CHECK(result.tally.unanswered == result.tally.due);
        CHECK(result.tally.latency.count() == result.tally.due);
        CHECK(result.tally.exchanges == 0);
    }
}

TEST_CASE(
    "bench generator: a connection that the server drops in the window is starved, the other not") {
    std::atomic<bool> opened = false;
    TestServer server(drops_first(opened));
    LoadHooks hooks;
    hooks.window_opens = [&] { opened = true; };
    LoadPlan plan = short_plan(server.endpoint, {.connections = 2});
    plan.duration = 600ms;
    plan.patience = 100ms;
    const LoadResult result = run(plan, hooks);
    CHECK(result.tally.starved == 1);
    CHECK(result.tally.served == 2);
    CHECK(result.tally.exchanges > 100);
    CHECK(result.tally.latency.max() >= 300'000'000);
}

TEST_CASE("bench generator: the window opens when all connections have had load for the warm-up") {
    TestServer server(factory_of<Echo>());
    Clock::time_point connected{}, opened{};
    LoadHooks hooks;
    hooks.all_connected = [&] { connected = Clock::now(); };
    hooks.window_opens = [&] { opened = Clock::now(); };
    LoadPlan plan = short_plan(server.endpoint, {.connections = 3});
    plan.warm_up = 150ms;
    plan.duration = 20ms;
    run(plan, hooks);
    REQUIRE(connected != Clock::time_point{});
    CHECK(opened - connected >= 150ms);
}

// On a busy machine the last requests of the warm-up may be recorded in the window, but fewer than a hundred.
TEST_CASE("bench generator: the lateness of requests in the warm-up is forgotten") {
    TestServer server(factory_of<Echo>());
    LoadPlan plan = short_plan(server.endpoint, {.connections = 10});
    plan.rate = 1'000;
    plan.warm_up = 300ms;
    plan.duration = 100ms;
    const LoadResult result = run(plan);
    CHECK(result.tally.due >= 99);
    CHECK(result.tally.due <= 101);
    CHECK(result.lateness.count() >= result.tally.due);
    CHECK(result.lateness.count() <= 200);
}

TEST_CASE("bench generator: if no connection succeeds, the window does not open") {
    Endpoint nobody;
    {
        const test::Listener listener;
        nobody = listener.at;
    }
    LoadPlan plan = short_plan(nobody, {.connections = 3});
    plan.duration = 1h;
    LoadHooks hooks;
    hooks.window_opens = [] { FAIL("a window"); };
    const auto result = run_load(plan, hooks);
    REQUIRE(result.has_value());
    CHECK(result->tally.failed == 3);
    CHECK(result->lasted == 0);
}

TEST_CASE(
    "bench generator: its CPU time covers the whole time of the measurement, also past the "
    "window") {
    TestServer server(factory_of<Echo>());
    LoadPlan plan = short_plan(server.endpoint, {.connections = 1});
    plan.rate = 5e6;  // many times what is possible
    plan.patience = 1ms;
    const auto result = run_load(plan);
    REQUIRE(result.has_value());
    CHECK(result->seconds <= 0.2);
    CHECK(result->lasted >= result->seconds);
    CHECK(result->cpu_seconds <= result->lasted * 1.05 + 0.02);  // the process has another thread
}

TEST_CASE("bench generator: plans that make no sense") {
    const auto refusal = [](LoadPlan plan) { return run_load(plan).error().context(); };
    LoadPlan plan = short_plan(*Endpoint::parse("127.0.0.1:1"), {.workload = "upload"});
    plan.rate = 10;
    CHECK(refusal(plan) == "--rate: workload upload has no requests");
    plan.group.workload = "echo";
    plan.exchanges = 10;
    CHECK(refusal(plan) == "--exchanges excludes --rate");
    plan.group.depth = 0;
    CHECK(refusal(plan) == "--exchanges excludes --rate");
    plan.group.depth = 1'000'000;
    plan.group.size = 68;  // 68 million bytes
    CHECK(refusal(plan) == "--size 68: size times depth is above 64 MiB");
    plan.group = {.workload = "echo"};
    plan.group.workload = "ecco";
    plan.exchanges = Load::kNoEnd;
    CHECK(refusal(plan).starts_with("unknown workload 'ecco'; available: echo, line, frame, "));
    plan.group.workload = "echo";
    plan.rate = 10e6;
    plan.duration = 11s;
    CHECK(refusal(plan) == "--rate 10000000: rate times duration is above 100 million requests");
}

namespace {

// The fault of an echo server: it stops answering, stops after half of a reply, or resets the connection.
enum class Fault { hangs, halves, dies };

ProtocolFactory faulty(Fault fault, const std::atomic<bool>& begun) {
    return callbacks([fault, &begun] {
        Callbacks one;
        one.on_data = [fault, &begun, done = false](Connection& c, MutableBytes in) mutable {
            if (!begun) {
                c.write(in);
            } else if (fault == Fault::dies) {
                c.abort({});
            } else if (fault == Fault::halves && !std::exchange(done, true)) {
                c.write(Bytes(in).first(in.size() / 2));
            }
            return in.size();
        };
        return one;
    });
}

LoadResult run_faulty(Fault fault, double rate) {
    std::atomic<bool> begun{false};
    TestServer server(faulty(fault, begun));
    LoadPlan plan = short_plan(server.endpoint, {.connections = 5});
    plan.duration = 600ms;
    plan.patience = 300ms;
    plan.rate = rate;
    LoadHooks hooks;
    bool open = false;
    hooks.window_opens = [&] { open = true; };
    hooks.interrupted = [&](const Tally&) {
        begun = begun || std::exchange(open, false);  // one tick after the window opened
        return false;
    };
    auto result = run_load(plan, hooks);
    REQUIRE(result.has_value());
    return *std::move(result);
}

}  // namespace

TEST_CASE(
    "bench generator: requests that a server never answers are counted, in each kind of loop") {
    for (const Fault fault : {Fault::hangs, Fault::halves}) {
        for (const double rate : {0.0, 500.0}) {
            CAPTURE(static_cast<int>(fault));
            CAPTURE(rate);
            const LoadResult result = run_faulty(fault, rate);
            CHECK(result.tally.failed == 0);
            CHECK(result.tally.exchanges > 0);
            CHECK(result.tally.unanswered >= 5);
            CHECK_FALSE(result.abandoned);
        }
    }
}

TEST_CASE(
    "bench generator: a run ends with the last connection, and its rate covers the time until "
    "then") {
    for (const double rate : {0.0, 500.0}) {
        CAPTURE(rate);
        const LoadResult result = run_faulty(Fault::dies, rate);
        CHECK(result.tally.failed == 5);
        CHECK(result.abandoned);
        CHECK(result.seconds > 0);
        CHECK(result.seconds < 0.4);
        CHECK(result.lasted >= result.seconds);
    }
}

TEST_CASE(
    "bench generator: a closed loop waits for its last replies, and counts them as answered") {
    TestServer server([](Reactor&) {
        return ProtocolFactory([] {
            return std::make_unique<DelayedEcho>(
                [](Clock::time_point came) { return came + 150ms; });
        });
    });
    LoadPlan plan = short_plan(server.endpoint, {.connections = 3});
    plan.duration = 400ms;
    const LoadResult result = run(plan);
    CHECK(result.tally.unanswered == 0);
    CHECK(result.tally.exchanges >= 3);
}
