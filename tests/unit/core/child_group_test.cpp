#include "blocking/child_group.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <poll.h>
#include <cerrno>
#include <csignal>
#include <vector>

#include "child.hpp"
#include "signals.hpp"

using namespace switchboard;
using detail::ChildGroup;
using detail::EndedChild;

namespace {

// Reaps all children. Returns how each ended, in the order in which they were reaped.
std::vector<std::string> ends_of(ChildGroup& group) {
    std::vector<std::string> ends;
    while (group.count() > 0) {
        pollfd entry{group.fd(), POLLIN, 0};
        detail::wait_for({&entry, 1}, group.next_sweep());
        group.reap([&](const EndedChild& child) {
            const std::string text = describe(child);
            ends.push_back(text.substr(text.find(' ', text.find(' ') + 1) + 1));
        });
    }
    return ends;
}

}  // namespace

TEST_CASE("child group: its destructor leaves no zombie, even if signals interrupt the wait") {
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

TEST_CASE("child group: reports how each child ended, also if the system reaps instead") {
    for (const bool ignored : {false, true}) {
        CAPTURE(ignored);
        const auto ends = test::in_child([ignored]() -> std::string {
            ::signal(SIGCHLD, ignored ? SIG_IGN : SIG_DFL);
            const auto group = ChildGroup::create().value();
            std::string all;
            for (const int status : {0, 3, 255}) {
                if (!group->spawn([status] { return status; })) return "no child";
                for (const auto& end : ends_of(*group)) all += end + "; ";
            }
            if (!group->spawn([]() -> int { return ::raise(SIGKILL); })) return "no child";
            for (const auto& end : ends_of(*group)) all += end + "; ";
            if (!group->spawn([]() -> int { throw 1; })) return "no child";
            return all + ends_of(*group).at(0);
        });
        CHECK(ends == std::string("exited with 0; exited with 3; exited with 255; ") +
                          (ignored ? "ended with an unknown status; " : "was ended by signal 9; ") +
                          "exited with 1");
    }
}

TEST_CASE(
    "child group: what a child started is killed if the child crashes, and goes on if it exits") {
    for (const bool crashes : {true, false}) {
        CAPTURE(crashes);
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const auto group = ChildGroup::create().value();
        pid_t started = -1;
        REQUIRE(group->spawn([&]() -> int {
            const pid_t own = ::fork();
            if (own == 0) {
                ::alarm(60);
                for (;;) ::pause();
            }
            if (::write(ends[1], &own, sizeof own) != sizeof own) return 2;
            return crashes ? ::raise(SIGKILL) : 0;
        }));
        ::close(ends[1]);
        ends_of(*group);
        REQUIRE(::read(ends[0], &started, sizeof started) == sizeof started);
        if (!crashes) CHECK(::kill(started, SIGKILL) == 0);
        // The pipe ends when the last process that has its write end is gone.
        pollfd gone{ends[0], POLLIN, 0};
        CHECK(::poll(&gone, 1, 30'000) == 1);
        ::close(ends[0]);
    }
}

TEST_CASE("child group: a signal reaches all children, and they do not block SIGTERM and SIGINT") {
    const auto ends = test::in_child([]() -> std::string {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        const auto group = ChildGroup::create().value();
        for (int i = 0; i < 2; ++i) {
            const auto started = group->spawn([]() -> int {
                sigset_t mask;
                ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
                const bool open =
                    sigismember(&mask, SIGTERM) == 0 && sigismember(&mask, SIGINT) == 0;
                while (open) ::pause();
                return 1;
            });
            if (!started) return "no child";
        }
        group->signal(SIGINT);
        const auto both = ends_of(*group);
        return both.at(0) + "; " + both.at(1);
    });
    CHECK(ends == "was ended by signal 2; was ended by signal 2");
}
