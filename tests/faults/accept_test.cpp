// Errors of accept(2) while a server runs. Open connections are still served, nothing spins, and waiting
// connections are served as soon as accept succeeds again.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <switchboard/reactor_stats.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "../contract/drivers.hpp"
#include "failing_accept.hpp"
#include "no_descriptors.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

constexpr int kShortages[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
constexpr int kLost[] = {ECONNABORTED, EPROTO};  // errors of the incoming connection
constexpr int kMoreLost[] = {EPERM, ENETDOWN, EHOSTUNREACH};
constexpr double kWakeUps = 15;  // per second, at most
constexpr auto kRecovery = 200ms;
constexpr auto kPrompt = 100ms;  // less than a pause: no open connection had to wait for one

// Makes accept fail with `error` until end(). For EMFILE there really are no descriptors left; for any
// other error FailingAccept returns it.
class Fault {
public:
    Fault(const FailingAccept& accept, int error) : accept_(accept) {
        error == EMFILE ? void(none_.emplace()) : accept_.fail(error);
    }
    void end() {
        none_.reset();
        accept_.heal();
    }

private:
    const FailingAccept& accept_;
    std::optional<NoDescriptors> none_;
};

// Events per second since this object was created.
class EventRate {
public:
    double of(int count) const {
        return count / std::chrono::duration<double>(Clock::now() - since_).count();
    }
    bool lasts(std::chrono::milliseconds time) const { return Clock::now() - since_ < time; }

private:
    Clock::time_point since_ = Clock::now();
};

// Returns the longest time of the round trips that fit into `time`, or max() if one failed.
template <class RoundTrip>
Clock::duration slowest(std::chrono::milliseconds time, RoundTrip round_trip) {
    Clock::duration slowest{};
    for (const EventRate rate; rate.lasts(time);) {
        const auto sent = Clock::now();
        if (!round_trip()) return Clock::duration::max();
        slowest = std::max(slowest, Clock::now() - sent);
    }
    return slowest;
}

// Returns whether all round trips were prompt in at least one of five periods. Other load on the machine
// can only make them slower.
template <class RoundTrip>
bool are_prompt(std::chrono::milliseconds time, RoundTrip round_trip) {
    for (int tries = 0; tries < 5; ++tries)
        if (slowest(time, round_trip) < kPrompt) return true;
    return false;
}

// A reactor with one connection that it serves, and one that waits to be accepted.
struct ReactorUnderFault {
    Reactor reactor;
    std::vector<std::error_code> told;
    std::function<void()> on_told = [] {};
    Listening listening = listen_on(reactor, echo_factory(), options());
    FarEnd served{listening.local};
    FarEnd waiting = serve_first();

    ListenOptions options() {
        ListenOptions options;
        options.on_accept_error = [this](std::error_code error) {
            told.push_back(error);
            on_told();
        };
        return options;
    }
    FarEnd serve_first() {
        CHECK(serves(served));  // see let_sanitizer_look()
        return FarEnd(listening.local);
    }
    bool serves(FarEnd& client) {
        client.received.clear();
        client.send("hello");
        client.read_until(reactor, 5);
        return client.received == "hello";
    }
    // Runs the reactor as a server does, with nothing to do except to accept.
    void run(std::chrono::milliseconds time) {
        reactor.after(time, [this] { reactor.stop(); });
        reactor.run();
    }
    // Returns the longest possible recovery time: from right after a failed attempt until the waiting
    // connection is accepted.
    Clock::duration recovery(Fault& fault) {
        std::optional<Clock::time_point> ended;
        on_told = [&] {
            if (ended) return;
            fault.end();
            ended = Clock::now();
        };
        const std::uint64_t accepted = collect_stats(reactor).accepted;
        const TimerId check = reactor.every(1ms, [&] {
            if (collect_stats(reactor).accepted > accepted) reactor.stop();
        });
        reactor.run();
        reactor.cancel(check);
        return Clock::now() - *ended;
    }
};

void check_reactor(int error) {
    const std::string name = std::strerror(error);
    CAPTURE(name);
    const FailingAccept accept;
    ReactorUnderFault server;
    Fault fault(accept, error);
    const EventRate rate;
    server.run(1s);
    CHECK(rate.of(accept.wake_ups()) <= kWakeUps);
    CHECK(server.told.size() >= 5);
    CHECK(are_prompt(300ms, [&] { return server.serves(server.served); }));
    CHECK(server.recovery(fault) <= kRecovery);
    CHECK(server.serves(server.waiting));
    const ReactorStats stats = collect_stats(server.reactor);
    CHECK(stats.accepted == 2);
    CHECK(stats.accept_errors == server.told.size());
    for (const std::error_code& told : server.told)
        CHECK(told == std::error_code(error, std::system_category()));
}

// A blocking server on a thread, and the socket of a client that connects later.
struct ServerUnderFault {
    BlockingDriver driver;
    Socket waiting{::socket(AF_INET, SOCK_STREAM, 0)};

    explicit ServerUnderFault(BlockingDriver::Serve serve) : driver(serve) {
        REQUIRE(serve_nobody(serve));
        driver.options.workers = 2;
        driver.start(echo_factory(), {});
    }
    // Waits until both descriptors of the connection are free. Otherwise they would become free later, when
    // there should be none.
    static void leave(std::unique_ptr<Peer>& served) {
        const std::size_t before = count_descriptors();
        served.reset();
        const auto end = Clock::now() + 10s;
        while (count_descriptors() > before - 2 && Clock::now() < end) std::this_thread::yield();
        CHECK(count_descriptors() == before - 2);
    }
    void let_come() const {
        const SocketAddress at = driver.endpoint().addresses().value().front();
        REQUIRE(::connect(waiting.fd(), at.data(), at.size()) == 0);
        REQUIRE(waiting.send_all(as_bytes("hello")));
    }
    bool fails_again(const FailingAccept& accept) const {
        const int before = accept.failures();
        const auto end = Clock::now() + 10s;
        while (accept.failures() == before && Clock::now() < end) std::this_thread::yield();
        return accept.failures() > before;
    }
    // Returns the longest possible recovery time, as above.
    Clock::duration recovery(const FailingAccept& accept, Fault& fault) const {
        CHECK(fails_again(accept));
        fault.end();
        const auto ended = Clock::now();
        CHECK(receive_text(waiting) == "hello");
        return Clock::now() - ended;
    }
};

bool echoes(Peer* peer) {
    if (peer == nullptr) return std::this_thread::yield(), true;  // not with the iterative server
    peer->send("x");
    return peer->receive(1) == "x";
}

void check_driver(BlockingDriver::Serve serve, int error) {
    const std::string name = std::strerror(error);
    CAPTURE(name);
    const FailingAccept accept;
    ServerUnderFault server(serve);
    auto served = server.driver.connect();
    CHECK(served->round_trip("hello") == "hello");
    if (serve == serve_iterative) server.leave(served);  // otherwise it would not accept
    Fault fault(accept, error);
    server.let_come();
    CHECK(server.fails_again(accept));
    const int wake_ups = accept.wake_ups();
    const EventRate rate;
    CHECK(are_prompt(500ms, [&] { return echoes(served.get()); }));
    CHECK(rate.of(accept.wake_ups() - wake_ups) <= kWakeUps);
    CHECK(server.driver.stats().accept_errors >= 4);
    CHECK(server.recovery(accept, fault) <= kRecovery);
    server.waiting.close();
    served.reset();
    server.driver.drain();
    CHECK(server.driver.stats().accepted == 2);
}

void check_driver(BlockingDriver::Serve serve) {
    for (const int error : kShortages) check_driver(serve, error);
    for (const int error : kLost) check_driver(serve, error);
}

}  // namespace

TEST_CASE("accept fails: without descriptors, buffers or memory (reactor)") {
    for (const int error : kShortages) check_reactor(error);
}

TEST_CASE("accept fails: because the connection is lost, again and again (reactor)") {
    for (const int error : kLost) check_reactor(error);
}

TEST_CASE("accept fails: without resources, or again and again (iterative)") {
    check_driver(serve_iterative);
}

TEST_CASE("accept fails: without resources, or again and again (threads)") {
    check_driver(serve_threads);
}

TEST_CASE("accept fails: without resources, or again and again (thread pool)") {
    check_driver(serve_thread_pool);
}

namespace {

void check_lost(const FailingAccept& accept, int error) {
    const std::string name = std::strerror(error);
    CAPTURE(name);
    ReactorUnderFault server;
    const int before = accept.failures();
    for (const int times : {1, 100}) {
        FarEnd next(server.listening.local);
        accept.fail(error, times);
        CHECK(server.serves(next));
    }
    CHECK(accept.failures() - before == 101);
    CHECK(collect_stats(server.reactor).accepted == 4);
    CHECK(collect_stats(server.reactor).accept_errors == 0);
}

}  // namespace

TEST_CASE("accept fails: a lost connection does not delay the next one (reactor)") {
    const FailingAccept accept;
    for (const int error : kLost) check_lost(accept, error);
    for (const int error : kMoreLost) check_lost(accept, error);
}

TEST_CASE("accept fails: a lost connection does not delay the next one (drivers)") {
    for (const auto serve : {serve_iterative, serve_threads, serve_thread_pool}) {
        const FailingAccept accept;
        BlockingDriver driver(serve);
        driver.start(echo_factory(), {});
        for (const int error : kLost) {
            accept.fail(error, 100);
            CHECK(driver.connect()->round_trip("hello") == "hello");
        }
        CHECK(accept.failures() == 200);
        driver.drain();
        CHECK(driver.stats().accept_errors == 0);
    }
}

TEST_CASE("accept fails: Socket::accept() returns the next connection, or the error") {
    const FailingAccept accept;
    const test::Listener listener;
    const Socket client = connect(listener.at, 5s).value();
    accept.fail(ECONNABORTED);
    const auto none = listener.socket.accept();
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error() == std::errc::connection_aborted);
    CHECK(accept.failures() == 512);
    accept.fail(ECONNABORTED, 511);
    CHECK(listener.socket.accept().has_value());
}
