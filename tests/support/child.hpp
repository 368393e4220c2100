// Runs code in a process of its own, for tests that change limits, the user or signals.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdio>
#include <string>

namespace switchboard::test {

// Runs `body`, which returns a text, in a forked child, and returns that text. The child has one thread and
// exits without calling destructors of the parent's objects.
template <class Body>
std::string in_child(Body body) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    std::fflush(
        nullptr);  // otherwise the child might write the output that the parent has buffered
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const std::string text = body();
        const bool whole = ::write(ends[1], text.data(), text.size()) == ssize_t(text.size());
        ::_exit(whole ? 0 : 1);
    }
    ::close(ends[1]);
    std::string text;
    std::array<char, 512> buffer{};
    for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    return text;
}

}  // namespace switchboard::test
