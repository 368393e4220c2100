// See failing_accept.cpp for how a call of the C library is defined anew.
#include "failing_watch.hpp"

#include <dlfcn.h>
#include <sys/epoll.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

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
    static auto* const next =
        reinterpret_cast<decltype(::epoll_ctl)*>(::dlsym(RTLD_NEXT, "epoll_ctl"));
    if (next == nullptr) std::abort();
    const bool adds = operation == EPOLL_CTL_ADD;
    ++(adds ? added : operation == EPOLL_CTL_MOD ? changed : removed);
    int result = next(set, operation, fd, event);
    // The kernel looks for what is there already first, and for room then (fs/eventpoll.c).
    if (adds && result == 0 && left != kNever && left-- <= 0) {
        next(set, EPOLL_CTL_DEL, fd, event);
        errno = fails_with;
        result = -1;
    }
    if (result < 0) ++failed;
    return result;
}
