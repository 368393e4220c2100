// Trying a plugin in a child process finds what would end this one.
#include <poll.h>
#include <unistd.h>
#include <array>
#include <csignal>

#include "plugins.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

std::string probed(const char* kind, std::chrono::milliseconds timeout = 30s) {
    const test::PluginFolder folder;
    ::setenv("BROKEN", kind, 1);
    const auto result = probe_plugin(folder.copy("broken", "broken"), timeout);
    ::unsetenv("BROKEN");
    return test::complaint(result);
}

}  // namespace

TEST_CASE("plugins: a probe finds what ends the process, and this one goes on") {
    CHECK(test::has(probed("initializer_throws"),
                    "it ended the process that tried it, with signal 6"));
    CHECK(test::has(probed("initializer_crashes"),
                    "it ended the process that tried it, with signal 6"));
    CHECK(test::has(probed("initializer_exits"),
                    "it ended the process that tried it, with status 0"));
    CHECK(test::has(probed("stop_crashes"), "it ended the process that tried it, with signal 6"));
    CHECK(test::has(probed("start_hangs", 50ms), "it did not start and stop within 50ms"));
}

TEST_CASE("plugins: a probe ends when the plugin closes all descriptors and goes on") {
    CHECK(test::has(probed("start_closes_all"),
                    "the process that tried it was killed without an answer"));
}

TEST_CASE("plugins: a probe does not wait for what the plugin started, and kills it") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    CHECK(probed("start_forks").empty());
    ::close(ends[1]);
    // The pipe ends when the last process that has its write end is gone.
    pollfd ended{.fd = ends[0], .events = POLLIN, .revents = 0};
    CHECK(::poll(&ended, 1, 10'000) == 1);
    ::close(ends[0]);
}

TEST_CASE("plugins: a probe without SIGCHLD says that it does not know how the process ended") {
    const auto before = std::signal(SIGCHLD, SIG_IGN);
    CHECK(test::has(probed("initializer_crashes"), "and how it ended is unknown"));
    CHECK(probed("nothing").empty());
    std::signal(SIGCHLD, before);
}

TEST_CASE("plugins: a probe takes the longest and the shortest time-out") {
    CHECK(probed("nothing", std::chrono::milliseconds::max()).empty());
    CHECK(test::has(probed("nothing", std::chrono::milliseconds::min()), "within 0ms"));
}

TEST_CASE("plugins: a probe has the messages of load_plugin, and leaves a good one to be loaded") {
    CHECK(test::has(probed("start_fails"),
                    "broken.so: the licence?has run out: the plugin was refused"));
    CHECK(test::complaint(probe_plugin("/nowhere/x.so")) ==
          "/nowhere/x.so: no such file or directory");
    CHECK(probed("nothing").empty());
    Registry registry;
    REQUIRE(probe_plugin(test::plugin_path("keyvalue")));
    test::load_from(test::plugin_path("keyvalue"), registry);
}
