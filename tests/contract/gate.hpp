// Holds a handler until the test lets it continue.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

// A pipe that is created before the server starts, so it also works in a thread and in a forked child.
class Gate {
public:
    Gate() { REQUIRE(::pipe(ends_) == 0); }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate() {
        for (const int end : ends_) ::close(end);
    }

    // Waits at most ten seconds.
    void wait() const {
        pollfd entry{ends_[0], POLLIN, 0};
        char byte = 0;
        if (::poll(&entry, 1, 10'000) > 0) [[maybe_unused]]
            const auto got = ::read(ends_[0], &byte, 1);
    }
    void open() const { REQUIRE(::write(ends_[1], "x", 1) == 1); }  // for one call of wait()

private:
    int ends_[2];
};
