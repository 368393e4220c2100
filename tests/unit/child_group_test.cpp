#include "blocking/child_group.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "signals.hpp"

using namespace switchboard;

TEST_CASE("child group: its end leaves no zombie, also while signals interrupt the waiting") {
    {
        const test::SignalStorm storm;
        test::SignalStorm::wait_for(10);
        for (int round = 0; round < 20; ++round) {
            const auto group = detail::ChildGroup::create().value();
            for (int i = 0; i < 4; ++i)
                REQUIRE(group->spawn([]() -> int {
                    for (;;) ::pause();
                }));
        }
    }
    errno = 0;
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
}
