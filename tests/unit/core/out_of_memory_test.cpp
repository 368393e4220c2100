// The blocking drivers when any one allocation fails.
#include <doctest/doctest.h>
#include <switchboard/blocking.hpp>
#include <switchboard/callbacks.hpp>
#include <thread>

#include "../support/loopback.hpp"
#include "blocking/thread_group.hpp"
#include "failing_new.hpp"

using namespace switchboard;
using namespace switchboard::test;

namespace {

// Echoes all but the last byte of its input. That byte is then kept on the heap.
ProtocolFactory answering() {
    return callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
            c.write(in);
            return in.size() - 1;
        }};
    });
}

std::string answer_of(const Endpoint& server) {
    const auto client = connect(server, std::chrono::seconds(5));
    if (!client) return "";  // reset before connect() returned
    (void)client->send(as_bytes("x"));
    (void)client->shutdown_write();
    std::byte byte{};
    return client->receive({&byte, 1}).value_or(0) == 1 ? "x" : "";
}

// Makes each allocation of the server's own thread fail in turn.
void check_each_allocation(decltype(&serve_threads) serve) {
    Listener listener;
    const Stop stop = Stop::create().value();
    ServeStats stats;
    ServeOptions options;
    options.stats = &stats;
    std::thread server([&] {
        allocations_may_fail = true;
        CHECK(serve(std::move(listener.socket), answering(), stop, options).has_value());
    });
    REQUIRE(answer_of(listener.at) == "x");
    std::size_t unserved = 0;
    for (int failing = 0; failing < 12; ++failing) {
        CAPTURE(failing);
        allocations_until_failure = failing;
        if (answer_of(listener.at).empty()) ++unserved;
        allocations_until_failure = -1;
        CHECK(answer_of(listener.at) == "x");
    }
    stop.drain();
    server.join();
    CHECK(unserved > 0);
    CHECK(stats.accepted == 25);
    CHECK(stats.open == 0);
    CHECK(stats.closed + stats.refused == 25);
}

// Makes the allocation with the number `failing` fail. Returns whether the thread was started.
bool starts_thread(detail::ThreadGroup& group, int failing) {
    std::function<void()> work = [] {};
    allocations_may_fail = true;
    allocations_until_failure = failing;
    bool started = false;
    try {
        started = group.start(std::move(work)).has_value();
    } catch (const std::bad_alloc&) {
    }
    allocations_may_fail = false;
    allocations_until_failure = -1;
    return started;
}

}  // namespace

TEST_CASE("out of memory: a thread that cannot be started leaves its group as it was") {
    int failures = 0;
    for (bool started = false; !started; ++failures) {
        CAPTURE(failures);
        detail::ThreadGroup group;
        started = starts_thread(group, failures);
        if (!started) CHECK(group.count() == 0);
        group.join();  // must not hang; the test's time-out checks this
    }
    CHECK(failures > 2);
}

TEST_CASE("out of memory: a thread per connection: only the affected connection is lost") {
    check_each_allocation(serve_threads);
}

TEST_CASE("out of memory: one at a time: only the affected connection is lost") {
    check_each_allocation(serve_iterative);
}
