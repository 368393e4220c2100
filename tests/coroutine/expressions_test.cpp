// Expressions with awaits that every supported compiler must compile rightly. Those that gcc 12 does not are
// listed in examples/guide/coroutines.md.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <stdexcept>

#include "sessions.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

const std::string kLong(100, 'x');  // on the heap

Task<std::string> later(Stream& peer, std::string text) {
    co_await peer.sleep_for(1s);
    co_return text;
}
Task<std::string> later_copy(Stream& peer, const std::string& text) {
    co_await peer.sleep_for(1s);
    co_return text;
}
Task<int> called(Stream& peer, std::function<int()> function) {
    co_await peer.sleep_for(1s);
    co_return function();
}
Task<std::unique_ptr<int>> moved(Stream& peer, int value) {
    co_await peer.sleep_for(1s);
    co_return std::make_unique<int>(value);
}
Task<std::pair<std::string, std::string>> both(Stream& peer) {
    co_await peer.sleep_for(1s);
    co_return std::pair(kLong, kLong + "y");
}

// Runs a session to its end, and returns what it wrote.
std::string result_of(Task<> (*session)(Stream&)) {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine(session));
    for (int i = 0; i < 10 && !peer.closed(); ++i) driver.advance(1s);
    CHECK(peer.closed());
    CHECK(peer.failure() == "");
    return peer.received();
}

}  // namespace

TEST_CASE("coroutine expressions: temporary texts, by value and by reference") {
    const auto session = [](Stream& s) -> Task<> {
        std::string all;
        all += co_await later(s, kLong + "a");
        all += co_await later_copy(s, kLong + "b");
        s.write(all);
    };
    CHECK(result_of(session) == kLong + "a" + kLong + "b");
}

TEST_CASE("coroutine expressions: two awaits in one, a structured binding, and a range") {
    const auto session = [](Stream& s) -> Task<> {
        const std::size_t size =
            (co_await later(s, kLong)).size() + (co_await later(s, kLong)).size();
        const auto [a, b] = co_await both(s);
        std::string copy;
        for (const char each : co_await later(s, kLong)) copy += each;
        s.write(std::to_string(size + a.size() + b.size() + copy.size()));
    };
    CHECK(result_of(session) == "501");
}

TEST_CASE("coroutine expressions: results that only move, and functions with a name") {
    const auto session = [](Stream& s) -> Task<> {
        const auto value = co_await moved(s, 7);
        const auto function = [text = kLong] { return static_cast<int>(text.size()); };
        const int size = co_await called(s, function);
        s.write(std::to_string(*value + size));
    };
    CHECK(result_of(session) == "107");
}

TEST_CASE("coroutine expressions: a condition that declares its variable") {
    const auto session = [](Stream& s) -> Task<> {
        if (const auto text = co_await later(s, kLong); !text.empty()) s.write("if ");
        while (const auto value = co_await moved(s, 1)) {
            s.write("while");
            break;
        }
    };
    CHECK(result_of(session) == "if while");
}

TEST_CASE(
    "coroutine expressions: a frame that the compiler has laid out wrongly ends the program") {
    alignas(16) const std::byte frame[32] = {};
    detail::FrameMemory::check(frame);
    std::fflush(nullptr);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        ::close(STDERR_FILENO);
        detail::FrameMemory::check(frame + 8);
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
}
