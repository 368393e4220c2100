#include <switchboard/reactor_group.hpp>
#include <switchboard/reactor_stats.hpp>

#include <sched.h>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// The number of connections that each thread served. Handlers of several threads update it.
struct Served {
    std::mutex mutex;
    std::map<std::thread::id, std::size_t> by_thread;

    ProtocolFactory echo() {
        return callbacks([this] {
            return Callbacks{.on_open =
                                 [this](Connection&) {
                                     const std::lock_guard lock(mutex);
                                     ++by_thread[std::this_thread::get_id()];
                                 },
                             .on_data = echo_back};
        });
    }
};

std::string ask(const Socket& socket, std::string_view text) {
    REQUIRE(socket.send_all(as_bytes(text)));
    std::string got;
    std::array<std::byte, 256> in{};
    while (got.size() < text.size()) {
        const auto size = socket.receive(in);
        REQUIRE(size);
        REQUIRE(*size > 0);
        got += as_text(Bytes(in).first(*size));
    }
    return got;
}

// Runs a group on its own thread until it has drained.
struct Running {
    explicit Running(ReactorGroup& g) : group(g), thread([this] { group.run(); }) {}
    ~Running() {
        if (thread.joinable()) end();
    }
    void end(std::chrono::milliseconds deadline = 10s) {
        group.drain(deadline, [this](std::size_t count) { aborted = count; });
        thread.join();
    }
    ReactorGroup& group;
    std::size_t aborted = 999;
    std::thread thread;
};

std::vector<ReactorStats> stats_of(ReactorGroup& group) {
    std::promise<std::vector<ReactorStats>> told;
    group.collect_stats([&](std::vector<ReactorStats> stats) { told.set_value(std::move(stats)); });
    return told.get_future().get();
}

std::vector<std::thread::id> threads_of(ReactorGroup& group) {
    std::vector<std::thread::id> threads;
    std::promise<void> done;
    group.for_each([&](Reactor&) { threads.push_back(std::this_thread::get_id()); },
                   [&] { done.set_value(); });
    done.get_future().wait();
    return threads;
}

std::size_t accepted(const std::vector<ReactorStats>& stats) {
    std::size_t sum = 0;
    for (const ReactorStats& each : stats) sum += each.accepted;
    return sum;
}

}  // namespace

TEST_CASE("reactor group: every reactor serves, each connection on one thread") {
    const TempDir folder;
    for (const std::string& at : {std::string("127.0.0.1:0"), "unix:" + folder / "socket"}) {
        CAPTURE(at);
        ReactorGroup group(3);
        Served served;
        const auto listening = group.listen(endpoint(at), served.echo());
        REQUIRE_MESSAGE(listening.has_value(), listening.error().message());
        Running running(group);
        std::vector<Socket> clients;
        for (int i = 0; i < 60; ++i) {
            clients.push_back(connect(listening->local, 5s).value());
            CHECK(ask(clients.back(), "hello") == "hello");
        }
        CHECK(served.by_thread.size() == 3);
        const auto stats = stats_of(group);
        REQUIRE(stats.size() == 3);
        CHECK(accepted(stats) == 60);
        for (const ReactorStats& each : stats) CHECK(each.accepted > 0);
        for (const Socket& client : clients) CHECK(ask(client, "again") == "again");
        clients.clear();
        running.end();
        CHECK(running.aborted == 0);
    }
}

TEST_CASE("reactor group: unix connections are distributed in turn") {
    const TempDir folder;
    ReactorGroup group(2);
    Served served;
    const auto listening = group.listen(endpoint("unix:" + folder / "socket"), served.echo());
    REQUIRE(listening);
    CHECK(listening->ids.size() == 1);
    Running running(group);
    for (int i = 0; i < 10; ++i) CHECK(ask(connect(listening->local, 5s).value(), "x") == "x");
    for (const auto& [thread, count] : served.by_thread) CHECK(count == 5);
}

// "unix:" has one socket, so reactor 0 accepts for all.
TEST_CASE("reactor group: each reactor destroys its factory after the listener has closed") {
    const TempDir folder;
    for (const std::string& at : {std::string("127.0.0.1:0"), "unix:" + folder / "socket"}) {
        CAPTURE(at);
        std::promise<std::thread::id> destroyed[2];
        ReactorGroup group(2);
        std::map<Reactor*, std::promise<std::thread::id>*> of{{&group[0], &destroyed[0]},
                                                              {&group[1], &destroyed[1]}};
        const auto make = [&](Reactor& reactor) -> Result<ProtocolFactory> {
            const std::shared_ptr<void> last(
                nullptr, [on = of[&reactor]](void*) { on->set_value(std::this_thread::get_id()); });
            return [last, echo = callbacks([] { return Callbacks{.on_data = echo_back}; })] {
                return echo();
            };
        };
        const auto listening = group.listen(endpoint(at), ReactorGroup::MakeFactory(make));
        REQUIRE_MESSAGE(listening, listening.error().message());
        Running running(group);
        const auto threads = threads_of(group);
        std::vector<Socket> clients;
        for (int i = 0; i < 4; ++i) {
            clients.push_back(connect(listening->local, 5s).value());
            CHECK(ask(clients.back(), "x") == "x");
        }
        group.stop_accepting();
        for (std::size_t i = 0; i < 2; ++i) {
            auto on = destroyed[i].get_future();
            REQUIRE(on.wait_for(10s) == std::future_status::ready);
            CHECK(on.get() == threads[i]);
        }
        for (const Socket& client : clients) CHECK(ask(client, "again") == "again");
    }
}

TEST_CASE("reactor group: limits apply to all reactors together") {
    for (const bool by_address : {false, true}) {
        CAPTURE(by_address);
        ReactorGroup group(2);
        Served served;
        ListenOptions options;
        if (by_address) {
            options.server.max_per_address = 5;
        } else {
            options.server.max_connections = 5;
        }
        options.reject_message = "full";
        const auto listening = group.listen(endpoint("127.0.0.1:0"), served.echo(), options);
        REQUIRE(listening);
        Running running(group);
        std::vector<Socket> clients;
        for (int i = 0; i < 5; ++i) {
            clients.push_back(connect(listening->local, 5s).value());
            CHECK(ask(clients.back(), "x") == "x");
        }
        for (int i = 0; i < 8; ++i)
            CHECK(receive_all(connect(listening->local, 5s).value()) == "full");
        clients.pop_back();
        // After the reactor has noticed the close, there is room again.
        const auto late = Clock::now() + 10s;
        std::string heard = "full";
        while (heard == "full" && Clock::now() < late) {
            const Socket next = connect(listening->local, 5s).value();
            REQUIRE(next.send_all(as_bytes("x")));
            heard = receive_text(next);
        }
        CHECK(heard == "x");
    }
}

TEST_CASE(
    "reactor group: a drain includes and awaits all, and calls done once on reactor 0's thread") {
    ReactorGroup group(2);
    const auto listening = group.listen(
        endpoint("127.0.0.1:0"),
        callbacks([] { return Callbacks{.on_data = echo_back, .is_busy = [] { return true; }}; }));
    REQUIRE(listening);
    std::thread::id first;
    group[0].post([&] { first = std::this_thread::get_id(); });
    std::vector<Socket> clients;
    std::atomic<int> done = 0;
    {
        std::thread thread([&] { group.run(); });
        for (int i = 0; i < 20; ++i) {
            clients.push_back(connect(listening->local, 5s).value());
            CHECK(ask(clients.back(), "x") == "x");
        }
        group.drain(10s, [&](std::size_t) { done += 100; });  // replaced by the next drain
        group.drain(10s, [&](std::size_t aborted) {
            ++done;
            CHECK(aborted == 0);
            CHECK(std::this_thread::get_id() == first);
        });
        for (const Socket& client : clients) CHECK(ask(client, "still here") == "still here");
        CHECK(done == 0);
        clients.clear();
        thread.join();
    }
    CHECK(done == 1);
    CHECK_FALSE(connect(listening->local, 1s));
}

TEST_CASE("reactor group: at the deadline, and by abort, all remaining connections end") {
    for (const bool abort : {false, true}) {
        ReactorGroup group(2);
        const auto listening =
            group.listen(endpoint("127.0.0.1:0"), callbacks([] {
                             return Callbacks{.on_data = echo_back, .is_busy = [] { return true; }};
                         }));
        REQUIRE(listening);
        Running running(group);
        std::vector<Socket> clients;
        for (int i = 0; i < 10; ++i) {
            clients.push_back(connect(listening->local, 5s).value());
            CHECK(ask(clients.back(), "x") == "x");
        }
        if (abort) {
            group.drain(1h, [&](std::size_t count) { running.aborted = count; });
            group.abort();
            running.thread.join();
        } else {
            running.end(20ms);
        }
        CHECK(running.aborted == 10);
    }
}

TEST_CASE("reactor group: stop returns from run, and a later run goes on") {
    ReactorGroup group(2);
    Served served;
    const auto listening = group.listen(endpoint("127.0.0.1:0"), served.echo());
    REQUIRE(listening);
    for (int round = 0; round < 3; ++round) {
        std::thread thread([&] { group.run(); });
        CHECK(ask(connect(listening->local, 5s).value(), "x") == "x");
        group.stop();
        thread.join();
    }
    CHECK(accepted([&] {
              std::vector<ReactorStats> stats;
              for (std::size_t i = 0; i < 2; ++i) stats.push_back(collect_stats(group[i]));
              return stats;
          }()) == 3);
}

TEST_CASE("reactor group: MakeFactory makes a factory for each reactor") {
    ReactorGroup group(2);
    std::set<const Reactor*> asked;
    const auto listening =
        group.listen(endpoint("127.0.0.1:0"), ReactorGroup::MakeFactory([&](Reactor& reactor) {
                         asked.insert(&reactor);
                         return Result<ProtocolFactory>(echo_factory());
                     }));
    REQUIRE(listening);
    CHECK(asked == std::set<const Reactor*>{&group[0], &group[1]});
}

TEST_CASE("reactor group: set-up errors are reported at once, and leave nothing behind") {
    const Listener taken;
    ReactorGroup group(2);
    const auto refused = group.listen(taken.at, echo_factory());
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == std::errc::address_in_use);
    const auto no_factory =
        group.listen(endpoint("127.0.0.1:0"), ReactorGroup::MakeFactory([](Reactor&) {
                         return Result<ProtocolFactory>(fail(errc::bad_option, "none"));
                     }));
    CHECK_FALSE(no_factory);
}

TEST_CASE("reactor group: a group of one runs until nothing is left, like a reactor") {
    ReactorGroup group(1);
    bool fired = false;
    group[0].after(1ms, [&] { fired = true; });
    group.run();
    CHECK(fired);
}

TEST_CASE("reactor group: a socket that does not listen, and an inconsistent limit, are refused") {
    ReactorGroup group(2);
    const auto echo =
        ReactorGroup::MakeFactory([](Reactor&) { return Result<ProtocolFactory>(echo_factory()); });
    std::vector<Socket> connected;
    connected.push_back(std::move(Pair().client));
    const auto refused = group.listen(std::move(connected), endpoint("127.0.0.1:0"), echo);
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == std::errc::invalid_argument);
    ListenOptions options;
    options.connection.low_water = options.connection.high_water;
    std::vector<Socket> good;
    good.push_back(std::move(Listener().socket));
    const auto unfit = group.listen(std::move(good), endpoint("127.0.0.1:0"), echo, options);
    REQUIRE_FALSE(unfit);
    CHECK(unfit.error() == errc::bad_option);
}

TEST_CASE("reactor group: pin puts each thread on one processor, and run() restores the caller's") {
    cpu_set_t before, after;
    REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
    ReactorGroup group(2, {.pin = true});
    std::vector<int> processors;
    const auto count = [&](Reactor&) {
        cpu_set_t set;
        const bool known = sched_getaffinity(0, sizeof set, &set) == 0;
        processors.push_back(known ? CPU_COUNT(&set) : -1);
    };
    group.for_each(count, [&] { group.stop(); });
    group.run();
    REQUIRE(sched_getaffinity(0, sizeof after, &after) == 0);
    CHECK(CPU_EQUAL(&before, &after));
    REQUIRE(processors.size() == 2);
    const int all = CPU_COUNT(&before);  // if the system cannot pin threads
    CHECK((processors == std::vector<int>{1, 1} || processors == std::vector<int>{all, all}));
}

TEST_CASE("reactor group: a request that is never answered is destroyed with it") {
    auto kept = std::make_shared<int>();
    const std::weak_ptr<int> watched = kept;
    {
        ReactorGroup group(2);
        group.collect_stats([kept = std::move(kept)](const auto&) {});
    }
    CHECK(watched.expired());
}
