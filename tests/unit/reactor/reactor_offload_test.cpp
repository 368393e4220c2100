#include <atomic>
#include <latch>
#include <switchboard/offload.hpp>
#include <switchboard/reactor_stats.hpp>

#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kPool = 4;  // the number of libuv's threads

const std::error_code kCancelled = std::make_error_code(std::errc::operation_canceled);

// Occupies every thread of the pool until let_go().
class FullPool {
public:
    explicit FullPool(Reactor& reactor) {
        for (std::size_t i = 0; i < kPool; ++i) {
            offload(reactor,
                    [this](const CancelToken&) {
                        busy_.count_down();
                        free_.wait();
                    },
                    {});
        }
        busy_.wait();
    }
    void let_go() { free_.count_down(); }

private:
    std::latch busy_{kPool}, free_{1};
};

}  // namespace

TEST_CASE(
    "reactor offload: works on another thread, calls done on this one, and keeps run() alive") {
    Reactor reactor;
    std::thread::id worked, done;
    int result = 0;
    std::error_code how = kCancelled;
    offload(
        reactor,
        [&](const CancelToken&) {
            worked = std::this_thread::get_id();
            result = 42;
        },
        [&](std::error_code code) {
            done = std::this_thread::get_id();
            how = code;
        });
    CHECK(collect_stats(reactor).offloads == 1);
    reactor.run();
    CHECK(worked != std::thread::id());
    CHECK(worked != std::this_thread::get_id());
    CHECK(done == std::this_thread::get_id());
    CHECK(result == 42);
    CHECK(how == std::error_code());
    CHECK(collect_stats(reactor).offloads == 0);
}

TEST_CASE("reactor offload: the loop goes on meanwhile") {
    Reactor reactor;
    std::latch enough(1);
    int ticks = 0;
    const auto ticking = reactor.every(1ms, [&] {
        if (++ticks == 5) enough.count_down();
    });
    offload(
        reactor, [&](const CancelToken&) { enough.wait(); },
        [&](std::error_code) { reactor.cancel(ticking); });
    reactor.run();
    CHECK(ticks >= 5);
}

TEST_CASE("reactor offload: work that is cancelled before it begins never begins") {
    Reactor reactor;
    FullPool pool(reactor);
    std::atomic<bool> began = false;
    std::error_code how;
    const OffloadId id = offload(
        reactor, [&](const CancelToken&) { began = true; },
        [&](std::error_code code) { how = code; });
    cancel(reactor, id);
    CHECK_FALSE(how);  // not from within cancel
    pool.let_go();
    reactor.run();
    CHECK(how == kCancelled);
    CHECK_FALSE(began);
    cancel(reactor, id);  // the id names nothing any more
}

TEST_CASE("reactor offload: a cancel during the work is visible in its token") {
    Reactor reactor;
    std::latch began(1);
    std::error_code how = kCancelled;
    const OffloadId id = offload(
        reactor,
        [&](const CancelToken& token) {
            began.count_down();
            while (!token.cancelled()) std::this_thread::yield();
        },
        [&](std::error_code code) { how = code; });
    began.wait();
    cancel(reactor, id);
    reactor.run();
    CHECK(how == std::error_code());
}

TEST_CASE("reactor offload: an exception is logged, and reported to done") {
    std::string logged;
    Reactor reactor({.log = [&](LogLevel, std::string_view text) { logged = text; }});
    std::error_code how;
    offload(
        reactor, [](const CancelToken&) { throw std::runtime_error("oh"); },
        [&](std::error_code code) { how = code; });
    reactor.run();
    CHECK(how == errc::handler_failed);
    CHECK(logged == "offload threw: oh");
}

TEST_CASE("reactor offload: the destructor waits for running work, and does not call done") {
    std::atomic<bool> ended = false;
    bool done = false;
    const auto owned = std::make_shared<int>(1);
    {
        Reactor reactor;
        std::latch began(1);
        offload(
            reactor,
            [&, owned](const CancelToken& token) {
                began.count_down();
                while (!token.cancelled()) std::this_thread::yield();
                ended = true;
            },
            [&, owned](std::error_code) { done = true; });
        began.wait();
    }
    CHECK(ended);
    CHECK_FALSE(done);
    CHECK(owned.use_count() == 1);
}

TEST_CASE("reactor offload: a cancel applies to all copies of a token, and to no other") {
    const CancelToken token, other;
    const CancelToken copy = token;
    CHECK_FALSE(token.cancelled());
    copy.cancel();
    CHECK(token.cancelled());
    CHECK(copy.cancelled());
    CHECK_FALSE(other.cancelled());
}
