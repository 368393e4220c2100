// Defines system calls for the whole program, libuv included: the dynamic linker takes a program's own
// definition before a library's (man 8 ld.so), and a sanitizer's for want of another only. What is not
// to fail goes on to the next one, which is the sanitizer's or the C library's.
#include "failing_accept.hpp"

#include <dlfcn.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <new>

namespace switchboard::test {
namespace {

struct State {
    std::atomic<int> error{0}, times{0};
    std::atomic<int> failures{0}, wake_ups{0};
};

State& make_shared_state() {
    void* const memory =
        ::mmap(nullptr, sizeof(State), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    return *new (memory) State;
}

State& state() {
    static State& shared = make_shared_state();
    return shared;
}

thread_local bool has_failed = false;

// Takes one of the failures that are left.
bool is_to_fail() {
    int left = state().times;
    while (left != 0) {
        if (left < 0 || state().times.compare_exchange_weak(left, left - 1)) return true;
    }
    return false;
}

template <class Call>
int accepted(Call call) {
    int fd = -1;
    if (is_to_fail()) {
        errno = state().error;
    } else {
        fd = call();
    }
    if (fd >= 0 || errno == EAGAIN) return fd;
    has_failed = true;
    ++state().failures;
    return fd;
}

int waited(int ready) {
    if (has_failed) ++state().wake_ups;
    return ready;
}

template <class Function>
Function* next(const char* name) {
    void* const found = ::dlsym(RTLD_NEXT, name);
    if (found == nullptr) std::abort();
    return reinterpret_cast<Function*>(found);
}

}  // namespace

FailingAccept::FailingAccept() noexcept {
    state().failures = state().wake_ups = 0;
    has_failed = false;
}

FailingAccept::~FailingAccept() {
    heal();
}

void FailingAccept::fail(int error, int times) const noexcept {
    state().error = error;
    state().times = times;
}

void FailingAccept::heal() const noexcept {
    state().times = 0;
}

int FailingAccept::failures() const noexcept {
    return state().failures;
}

int FailingAccept::wake_ups() const noexcept {
    return state().wake_ups;
}

}  // namespace switchboard::test

using namespace switchboard::test;

extern "C" {

int accept(int fd, sockaddr* address, socklen_t* size) {
    static auto* const call = next<decltype(::accept)>("accept");
    return accepted([=] { return call(fd, address, size); });
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    static auto* const call = next<decltype(::accept4)>("accept4");
    return accepted([=] { return call(fd, address, size, flags); });
}

int poll(pollfd* entries, nfds_t count, int timeout) {
    static auto* const call = next<decltype(::poll)>("poll");
    return waited(call(entries, count, timeout));
}

int epoll_wait(int fd, epoll_event* events, int most, int timeout) {
    static auto* const call = next<decltype(::epoll_wait)>("epoll_wait");
    return waited(call(fd, events, most, timeout));
}

int epoll_pwait(int fd, epoll_event* events, int most, int timeout, const sigset_t* mask) {
    static auto* const call = next<decltype(::epoll_pwait)>("epoll_pwait");
    return waited(call(fd, events, most, timeout, mask));
}
}
