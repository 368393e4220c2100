// supervise(): what the tests of `switchboard serve --isolate` do not show.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <switchboard/workers.hpp>
#include <system_error>
#include <thread>

#include "child.hpp"

using namespace switchboard;

namespace {

void wait_for_drain(const Worker& worker) {
    while (!worker.draining()) ::sched_yield();
}

// Leaves no memory for the stack of another thread, and none of the stacks that the library keeps.
void forbid_threads() {
    const rlimit none{0, 0};
    REQUIRE(::setrlimit(RLIMIT_AS, &none) == 0);
    try {
        for (int i = 0; i < 1'000; ++i)
            std::thread([] {
                for (;;) ::pause();
            }).detach();
    } catch (const std::system_error&) {  // there is none
    }
}

// Supervises three workers, which drain when all are ready. Notes what happens.
struct Supervised {
    explicit Supervised(const WorkerMain& work) {
        outcome = supervise(work, stop,
                            {.workers = 3,
                             .log = [this](LogLevel, std::string_view text) { log += text; },
                             .on_ready =
                                 [this] {
                                     notes += "ready ";
                                     stop.drain();
                                 },
                             .on_drain = [this] { notes += "drain "; }});
    }

    const Stop stop = Stop::create().value();
    std::string notes, log;
    WorkerOutcome outcome;
};

}  // namespace

TEST_CASE("workers: all become ready, drain and end") {
    const Supervised all([](Worker& worker) -> WorkerOutcome {
        if (worker.index() > 2 || worker.is_replacement()) return tl::unexpected<std::string>("?");
        worker.ready();
        wait_for_drain(worker);
        return {};
    });
    CHECK(all.outcome.has_value());
    CHECK(all.notes == "ready drain ");
    CHECK(all.log == "");
}

TEST_CASE("workers: the error of one before it is ready ends the start, as one line") {
    const Supervised failed([](Worker& worker) -> WorkerOutcome {
        if (worker.index() == 1) return tl::unexpected<std::string>("no\nway");
        worker.ready();
        wait_for_drain(worker);
        return {};
    });
    REQUIRE_FALSE(failed.outcome);
    CHECK(failed.outcome.error() == "no way");
    CHECK(failed.notes == "drain ");
    const Supervised threw([](Worker&) -> WorkerOutcome { throw std::runtime_error("thrown"); });
    REQUIRE_FALSE(threw.outcome);
    CHECK(threw.outcome.error() == "thrown");
}

TEST_CASE("workers: one that cannot watch its supervisor ends, and says why") {
    const Supervised failed([](Worker& worker) -> WorkerOutcome {
        if (worker.index() == 1) forbid_threads();
        worker.ready();
        wait_for_drain(worker);
        return {};
    });
    REQUIRE_FALSE(failed.outcome);
    const std::string& why = failed.outcome.error();
    // A sanitizer ends the process by itself.
    CHECK_MESSAGE((why.find("start a thread: ") == 0 || why.ends_with(" before it was ready")),
                  why);
    CHECK(failed.notes == "drain ");
}

TEST_CASE("workers: one that ended in an unknown way is said to have done so") {
    const std::string said = test::in_child([]() -> std::string {
        ::signal(SIGCHLD, SIG_IGN);
        const Stop stop = Stop::create().value();
        std::string log;
        const auto outcome = supervise(
            [](Worker& worker) -> WorkerOutcome {
                worker.ready();
                if (!worker.is_replacement()) ::raise(SIGKILL);
                worker.ask_to_drain();
                wait_for_drain(worker);
                return {};
            },
            stop, {.workers = 1, .log = [&](LogLevel, std::string_view text) { log += text; }});
        return outcome ? log.substr(log.find(" ended")) : outcome.error();
    });
    CHECK(said == " ended with an unknown status: 0 connections lost; another is started");
}

TEST_CASE("workers: the error of one that drains is the result") {
    const Supervised late([](Worker& worker) -> WorkerOutcome {
        worker.ready();
        wait_for_drain(worker);
        if (worker.index() == 2) return tl::unexpected<std::string>("cut short");
        return {};
    });
    REQUIRE_FALSE(late.outcome);
    CHECK(late.outcome.error() == "cut short");
    CHECK(late.notes == "ready drain ");
}

TEST_CASE("workers: one that asks for it makes all drain") {
    const Stop stop = Stop::create().value();
    const auto outcome = supervise(
        [](Worker& worker) -> WorkerOutcome {
            worker.ready();
            if (worker.index() == 0) worker.ask_to_drain();
            wait_for_drain(worker);
            return {};
        },
        stop, {.workers = 2});
    CHECK(outcome.has_value());
    CHECK(stop.draining());
    CHECK_FALSE(stop.aborting());
}
