// The drivers with processes, if something else reaps their children: the system, for a host that ignores
// SIGCHLD, or the host itself (man 2 wait, ECHILD).
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <switchboard/callbacks.hpp>

#include "../contract/drivers.hpp"
#include "../contract/journal.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

void reap_all(int) {
    const int error = errno;
    while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
    errno = error;
}

// Serves in a process that handles SIGCHLD with `kOnChild`, or ignores it if that is null. The disposition
// of the signal must be unchanged afterwards.
template <BlockingDriver::Serve kServe, void (*kOnChild)(int)>
Result<void> among(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                   const ServeOptions& options) {
    struct sigaction action {};
    action.sa_handler = kOnChild != nullptr ? kOnChild : SIG_IGN;
    action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
    ::sigaction(SIGCHLD, &action, nullptr);
    auto served = kServe(std::move(listener), factory, stop, options);
    struct sigaction after {};
    ::sigaction(SIGCHLD, nullptr, &after);
    if (after.sa_handler != action.sa_handler) return fail(errc::unsupported, "SIGCHLD is changed");
    return served;
}

// An echo. The message "crash" kills the process that receives it.
ProtocolFactory echo_or_crash() {
    return callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
            if (as_text(in) == "crash") ::raise(SIGKILL);
            c.write(in);
            return in.size();
        }};
    });
}

bool comes_to(const std::atomic<std::size_t>& count, std::size_t wanted) {
    const auto end = Clock::now() + 10s;
    while (count != wanted && Clock::now() < end) std::this_thread::yield();
    return count == wanted;
}

template <BlockingDriver::Serve kServe, void (*kOnChild)(int)>
struct Parent : BlockingDriver {
    Parent() : BlockingDriver(among<kServe, kOnChild>, BlockingDriver::Host::process) {
        options.log = [log = log](LogLevel level, std::string_view line) {
            if (level >= LogLevel::warning) log->note(line);
        };
    }
    std::shared_ptr<Journal> log = std::make_shared<Journal>();
};

void crash(BlockingDriver& driver) {
    const auto victim = driver.connect();
    victim->send("crash");
    CHECK(victim->receive_all() == "");
}

// Only one connection at a time is allowed. If the server did not count an ended connection as closed, it
// would refuse the next one.
template <class Driver>
void check_counts() {
    Driver driver;
    Limits limits;
    limits.server.max_connections = 1;
    driver.start(echo_or_crash(), limits);
    for (std::size_t i = 1; i <= 4; ++i) {
        CHECK(driver.connect()->round_trip("hello") == "hello");
        CHECK(comes_to(driver.stats().closed, i));
        CHECK(driver.stats().open == 0);
    }
    CHECK(driver.log->next(0).value_or("no complaint") == "no complaint");
    crash(driver);
    CHECK(driver.log->next(10'000).value_or("").ends_with("ended with an unknown status"));
    CHECK(comes_to(driver.stats().open, 0));
    const auto last = driver.connect();
    CHECK(last->round_trip("hello") == "hello");
    driver.drain();
    CHECK(driver.stats().open == 0);
    CHECK(driver.stats().closed == 6);
    CHECK(driver.stats().refused == 0);
}

template <class Driver>
void check_pool() {
    Driver driver;
    driver.options.workers = 2;
    driver.start(echo_or_crash(), {});
    for (int i = 0; i < 2; ++i) {
        crash(driver);
        CHECK(driver.log->next(10'000).value_or("").ends_with("ended with an unknown status"));
        CHECK(driver.connect()->round_trip("hello") == "hello");
    }
    driver.drain();
    CHECK(driver.stats().open == 0);
    CHECK(driver.stats().closed == 4);
    CHECK(driver.log->next(0).value_or("no complaint") == "no complaint");
}

}  // namespace

TEST_CASE("children: the host ignores SIGCHLD (processes)") {
    check_counts<Parent<serve_processes, nullptr>>();
}

TEST_CASE("children: the host reaps all of them (processes)") {
    check_counts<Parent<serve_processes, reap_all>>();
}

TEST_CASE("children: the host ignores SIGCHLD (process pool)") {
    check_pool<Parent<serve_process_pool, nullptr>>();
}

TEST_CASE("children: the host reaps all of them (process pool)") {
    check_pool<Parent<serve_process_pool, reap_all>>();
}
