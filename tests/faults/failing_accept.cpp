// Defines system calls for the whole program, including libuv. The dynamic linker prefers a program's own
// definition to that of a library (man 8 ld.so), and a sanitizer defines its own only if there is no other.
// A call that is not to fail is passed to the next definition, which is that of the sanitizer or of the C
// library.
#include "failing_accept.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>
#include <thread>

#include "interpose.hpp"

namespace switchboard::test {
namespace {

struct State {
    std::atomic<int> error{0}, times{0};
    std::atomic<int> failures{0}, wake_ups{0};
    std::atomic<int> accepting{0};  // calls that have begun
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

// Consumes one of the remaining failures. Returns false if none is left.
bool accept_is_to_fail() {
    int left = state().times;
    while (left != 0) {
        if (left < 0 || state().times.compare_exchange_weak(left, left - 1)) return true;
    }
    return false;
}

template <class Call>
int accepted(Call call) {
    int fd = -1;
    ++state().accepting;
    if (accept_is_to_fail()) {
        errno = state().error;
    } else {
        fd = call();
    }
    --state().accepting;
    if (fd >= 0 || errno == EAGAIN) return fd;
    has_failed = true;
    ++state().failures;
    return fd;
}

int waited(int ready) {
    if (has_failed) ++state().wake_ups;
    return ready;
}

}  // namespace

FailingAccept::FailingAccept() noexcept {
    state().failures = state().wake_ups = state().accepting = 0;
    has_failed = false;
}

FailingAccept::~FailingAccept() {
    heal();
}

void FailingAccept::fail(int error, int times) const noexcept {
    state().error = error;
    state().times = times;
    // A worker may have decided to accept before. It does not block, because the listeners do not.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (state().accepting > 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
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
    static auto* const call = next_definition<decltype(::accept)>("accept");
    return accepted([=] { return call(fd, address, size); });
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    static auto* const call = next_definition<decltype(::accept4)>("accept4");
    return accepted([=] { return call(fd, address, size, flags); });
}

int poll(pollfd* entries, nfds_t count, int timeout) {
    static auto* const call = next_definition<decltype(::poll)>("poll");
    return waited(call(entries, count, timeout));
}

int epoll_wait(int fd, epoll_event* events, int most, int timeout) {
    static auto* const call = next_definition<decltype(::epoll_wait)>("epoll_wait");
    return waited(call(fd, events, most, timeout));
}

int epoll_pwait(int fd, epoll_event* events, int most, int timeout, const sigset_t* mask) {
    static auto* const call = next_definition<decltype(::epoll_pwait)>("epoll_pwait");
    return waited(call(fd, events, most, timeout, mask));
}
}
