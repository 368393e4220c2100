#include <doctest/doctest.h>
#include <poll.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <switchboard/stop.hpp>
#include <thread>
#include <type_traits>

#include "child.hpp"
#include "loopback.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

Stop make_stop() {
    auto stop = Stop::create();
    REQUIRE(stop.has_value());
    return std::move(*stop);
}

// Waits until the descriptor is readable, at most for a minute.
bool becomes_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 60'000) == 1;
}

const Stop* told_by_signal = nullptr;
extern "C" void tell(int) {
    errno = EDOM;
    told_by_signal->drain();
}

}  // namespace

TEST_CASE("stop: drain and abort cannot be undone, and abort implies drain") {
    const Stop stop = make_stop();
    CHECK_FALSE(stop.draining());
    CHECK_FALSE(stop.aborting());
    stop.drain();
    CHECK(stop.draining());
    CHECK_FALSE(stop.aborting());
    stop.abort();
    CHECK(stop.draining());
    CHECK(stop.aborting());
    const Stop at_once = make_stop();
    at_once.abort();
    CHECK(at_once.draining());
    CHECK(becomes_readable(at_once.drain_fd()));
    CHECK(becomes_readable(at_once.abort_fd()));
}

TEST_CASE("stop: lasts, however often it is queried and set") {
    const Stop stop = make_stop();
    for (int i = 0; i < 100'000; ++i) stop.drain();  // more than the pipe holds, but must not block
    for (int i = 0; i < 3; ++i) CHECK(stop.draining());
    CHECK_FALSE(stop.aborting());
}

TEST_CASE("stop: a drain from another thread wakes a waiting thread") {
    const Stop stop = make_stop();
    std::thread other([&] { stop.drain(); });
    CHECK(becomes_readable(stop.drain_fd()));
    other.join();
}

TEST_CASE("stop: a signal handler may call drain(), which preserves errno") {
    const Stop stop = make_stop();
    told_by_signal = &stop;
    struct sigaction action {
    }, before{};
    action.sa_handler = tell;
    REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
    errno = EDOM;
    CHECK(::raise(SIGUSR1) == 0);
    CHECK(errno == EDOM);
    CHECK(stop.draining());
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("stop: a full pipe does not change errno either") {
    const Stop stop = make_stop();
    for (int i = 0; i < 100'000; ++i) stop.drain();
    errno = EDOM;
    stop.drain();
    CHECK(errno == EDOM);
}

TEST_CASE("stop: a later stop is seen by a forked child, and one of the child by its parent") {
    const Stop stop = make_stop();
    const Stop ready = make_stop();
    std::thread parent([&] {
        becomes_readable(ready.drain_fd());
        stop.abort();
    });
    const std::string seen = in_child([&] {
        const bool early = stop.draining();
        ready.drain();
        const bool came = becomes_readable(stop.abort_fd()) && stop.draining();
        return std::string(early ? "early " : "") + (came ? "came" : "never");
    });
    CHECK(seen == "came");
    parent.join();
    const Stop other = make_stop();
    in_child([&] {
        other.drain();
        return std::string();
    });
    CHECK(other.draining());
}

TEST_CASE("stop: moves with its state, and closes its descriptors") {
    static_assert(!std::is_copy_constructible_v<Stop> && !std::is_copy_assignable_v<Stop>);
    Stop stop = make_stop();
    stop.drain();
    const int fd = stop.drain_fd();
    Stop moved(std::move(stop));
    CHECK(moved.drain_fd() == fd);
    CHECK(moved.draining());
    Stop target = make_stop();
    const int replaced = target.drain_fd();
    target = std::move(moved);
    CHECK(target.draining());
    CHECK(::fcntl(replaced, F_GETFD) == -1);
    CHECK(is_close_on_exec(target.drain_fd()));
    CHECK(is_close_on_exec(target.abort_fd()));
}
