// Overload: more connects and descriptors than allowed, and one peer that would use the whole time.
#include <sys/resource.h>
#include <sys/socket.h>
#include <switchboard/embed.hpp>
#include <switchboard/reactor_stats.hpp>

#include <algorithm>
#include <ctime>
#include <vector>

#include "no_descriptors.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

std::chrono::nanoseconds processor_time() {
    timespec spent{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

// Lets the time pass in Reactor::run(), and returns the CPU time that this took.
std::chrono::nanoseconds cost_of(Reactor& reactor, std::chrono::milliseconds time) {
    reactor.after(time, [&] { reactor.stop(); });
    const auto before = processor_time();
    reactor.run();
    return processor_time() - before;
}

// Raises the soft limit of descriptors above the usual one, for its lifetime.
class ManyDescriptors {
public:
    explicit ManyDescriptors(rlim_t count) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit more{std::max(before_.rlim_cur, count), before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &more) == 0);
    }
    ManyDescriptors(const ManyDescriptors&) = delete;
    ManyDescriptors& operator=(const ManyDescriptors&) = delete;
    ~ManyDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("reactor: at most 16 accepts per wake") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    std::vector<FarEnd> clients;
    for (int i = 0; i < 40; ++i) clients.emplace_back(listening.local);
    std::vector<std::uint64_t> accepted;
    run_until(reactor, [&] {
        accepted.push_back(collect_stats(reactor).accepted);
        return accepted.back() == 40;
    });
    CHECK(accepted == std::vector<std::uint64_t>{0, 1, 3, 7, 15, 31, 40});
}

TEST_CASE(
    "reactor: out of descriptors, it serves existing connections, hardly uses CPU, and recovers") {
    std::vector<std::error_code> told;
    Reactor reactor;
    ListenOptions options;
    options.server.accept_retry_delay = 20ms;
    options.on_accept_error = [&](std::error_code error) { told.push_back(error); };
    const Listening listening = listen_on(reactor, echo_factory(), options);
    FarEnd first(listening.local);
    first.send("served, ");  // see let_sanitizer_look()
    first.read_until(reactor, 8);
    std::vector<FarEnd> waiting;
    for (int i = 0; i < 5; ++i) waiting.emplace_back(listening.local);
    {
        const NoDescriptors none;
        const auto cost = cost_of(reactor, 400ms);
        CHECK(cost < 100ms);  // spinning would use all of the time
        CHECK(collect_stats(reactor).accept_errors >= 5);
        CHECK(collect_stats(reactor).accept_errors <= 21);  // one per pause
        REQUIRE(told.size() == collect_stats(reactor).accept_errors);
        CHECK(told.front() == std::errc::too_many_files_open);
        CHECK(collect_stats(reactor).accepted == 1);
        first.send("still served");
        first.read_until(reactor, 20);
        CHECK(first.received == "served, still served");
    }
    for (FarEnd& client : waiting) {
        client.send("at last");
        client.read_until(reactor, 7);
        CHECK(client.received == "at last");
    }
    CHECK(collect_stats(reactor).accepted == 6);
}

TEST_CASE("reactor: on_accept_error may close the listener, and may throw") {
    Reactor reactor;
    Listening listening;
    int told = 0;
    ListenOptions options;
    options.on_accept_error = [&](std::error_code) {
        ++told;
        reactor.close(listening.id);
        throw std::runtime_error("oh");
    };
    listening = listen_on(reactor, echo_factory(), options);
    FarEnd client(listening.local);
    {
        const NoDescriptors none;
        reactor.run();  // until nothing is left, including the pause
    }
    CHECK(told == 1);
    client.read_to_end(reactor);
    CHECK(collect_stats(reactor).timers == 0);
}

TEST_CASE("reactor: a listening socket that fails for ever does not spin") {
    Reactor reactor;
    Listener mine;
    ListenOptions options;
    options.server.accept_retry_delay = 20ms;
    const int other = ::dup(mine.socket.fd());
    const Socket closer(other);
    const Listening listening =
        listen_on(reactor, echo_factory(), options, "fd:" + std::to_string(mine.socket.release()));
    ::shutdown(other, SHUT_RDWR);  // accept fails with EINVAL from now on (man 2 accept)
    CHECK(cost_of(reactor, 300ms) < 100ms);
    CHECK(collect_stats(reactor).accept_errors >= 3);
    CHECK(collect_stats(reactor).accept_errors <= 16);
}

TEST_CASE("reactor: a client that sends all it can does not starve ten others") {
    Reactor reactor;
    std::uint64_t firehose = 0;
    const Listening greedy =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_data = [&](Connection&, MutableBytes in) {
                          firehose += in.size();
                          return in.size();
                      }};
                  }));
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd flood(greedy.local);
    std::vector<FarEnd> others;
    for (int i = 0; i < 10; ++i) others.emplace_back(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).open == 11; });
    const std::string data(1024 * 1024, 'x');
    std::uint64_t most = 0;
    for (int round = 0; round < 50; ++round) {
        for (FarEnd& other : others) other.send("ping");
        // Fills the socket before each turn.
        while (flood.send(data) > 0) {
        }
        const std::uint64_t before = firehose;
        run_ready(reactor);
        most = std::max(most, firehose - before);
        for (FarEnd& other : others) other.read_until(reactor, 4), other.received.clear();
    }
    CHECK(most > 64 * 1024);
    CHECK(most <= 256 * 1024);  // read_budget
}

TEST_CASE("reactor: two connections that keep each other busy do not keep a third waiting") {
    Reactor reactor;
    // Each on_resume resumes the other connection. If that took effect in the same turn, the turn would
    // never end.
    std::vector<ConnectionId> pair;
    std::uint64_t bounces = 0;
    const Listening busy = listen_on(
        reactor, callbacks([&] {
            return Callbacks{
                .on_open = [&](Connection& c) { pair.push_back(c.id()); },
                .on_resume =
                    [&](Connection& c) {
                        ++bounces;
                        reactor.find(c.id() == pair[0] ? pair[1] : pair[0])->resume_reading();
                    }};
        }));
    const Listening listening = listen_on(reactor, echo_factory());
    const FarEnd one(busy.local), two(busy.local);
    run_until(reactor, [&] { return pair.size() == 2; });
    reactor.find(pair[0])->resume_reading();
    FarEnd third(listening.local);
    third.send("hello");
    third.read_until(reactor, 5);
    CHECK(third.received == "hello");
    CHECK(bounces > 0);
}

TEST_CASE("reactor: hundreds of connections that each echo, and all close at once") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    constexpr int kClients = 400;  // two descriptors each
    std::vector<FarEnd> clients;
    for (int i = 0; i < kClients; ++i) {
        clients.emplace_back(listening.local);
        clients.back().send("client " + std::to_string(i));
        run_ready(reactor);
    }
    for (int i = 0; i < kClients; ++i) {
        const std::string expected = "client " + std::to_string(i);
        clients[static_cast<std::size_t>(i)].read_until(reactor, expected.size());
        CHECK(clients[static_cast<std::size_t>(i)].received == expected);
    }
    clients.clear();
    run_until(reactor, [&] { return collect_stats(reactor).open == 0; });
    CHECK(collect_stats(reactor).closed == kClients);
}

// libuv fetches 1,024 events at a time. As long as it gets that many, it fetches again before it checks its
// timers, up to 48 times.
TEST_CASE("reactor: deadlines and timers are not late while 1,100 connections are always ready") {
    constexpr std::size_t kConnections = 1'100, kLate = 512;
    const ManyDescriptors enough(2 * kConnections + 64);
    Reactor reactor;
    std::vector<FarEnd> clients;
    std::size_t opened = 0, events = 0, at_due = 0;
    Clock::time_point due = Clock::time_point::max();
    const auto busy = [&](std::size_t i) {
        return [&, i](Connection&, MutableBytes in) {
            clients[i].send("x");  // ready again at once
            ++events;
            if (at_due == 0 && Clock::now() >= due) at_due = events;
            return in.size();
        };
    };
    const Listening listening =
        listen_on(reactor, callbacks([&] { return Callbacks{.on_data = busy(opened++)}; }),
                  {.server = {.max_connections = kConnections, .backlog = 64}});
    for (std::size_t i = 0; i < kConnections; ++i) {
        clients.emplace_back(listening.local);
        run_until(reactor, [&] { return opened > i; });
    }
    for (FarEnd& client : clients) client.send("x");
    std::size_t late = SIZE_MAX;
    reactor.after(5ms, [&] {
        late = at_due > 0 ? events - at_due : 0;
        reactor.stop();
    });
    due = Clock::now() + 6ms;  // the timer wheel counts in milliseconds
    reactor.run();
    CHECK(late <= kLate);
}
