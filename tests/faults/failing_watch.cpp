// failing_accept.cpp explains how a function of the C library is replaced.
#include "failing_watch.hpp"

#include <sys/epoll.h>

#include <atomic>
#include <cerrno>

#include "interpose.hpp"

namespace switchboard::test {
namespace {

constexpr int kNever = 1 << 30;

std::atomic<int> fails_with{0}, left{kNever};
std::atomic<int> added{0}, changed{0}, removed{0}, failed{0};

}  // namespace

FailingWatch::FailingWatch() noexcept {
    take();
}

FailingWatch::~FailingWatch() {
    heal();
}

void FailingWatch::fail(int error, int after) const noexcept {
    fails_with = error;
    left = after;
}

void FailingWatch::heal() const noexcept {
    left = kNever;
}

FailingWatch::Counts FailingWatch::take() const noexcept {
    return {added.exchange(0), changed.exchange(0), removed.exchange(0), failed.exchange(0)};
}

}  // namespace switchboard::test

extern "C" int epoll_ctl(int set, int operation, int fd, epoll_event* event) noexcept {
    using namespace switchboard::test;
    static auto* const next = next_definition<decltype(::epoll_ctl)>("epoll_ctl");
    const bool adds = operation == EPOLL_CTL_ADD;
    ++(adds ? added : operation == EPOLL_CTL_MOD ? changed : removed);
    int result = next(set, operation, fd, event);
    // The kernel checks first whether the descriptor is already in the set, and then whether there is room
    // (fs/eventpoll.c).
    if (adds && result == 0 && left != kNever && left-- <= 0) {
        next(set, EPOLL_CTL_DEL, fd, event);
        errno = fails_with;
        result = -1;
    }
    if (result < 0) ++failed;
    return result;
}
