// Makes accept(2) fail, as if a resource of the system were used up. Also counts how often the threads that
// see the failure wake up.
#pragma once

#include <atomic>

namespace switchboard::test {

// Interposed between this program and the C library (failing_accept.cpp), and shared with forked children.
// Only one object may exist at a time. Create it before the server that it affects.
class FailingAccept {
public:
    FailingAccept() noexcept;
    FailingAccept(const FailingAccept&) = delete;
    FailingAccept& operator=(const FailingAccept&) = delete;
    ~FailingAccept();

    void fail(int error,
              int times = kForEver) const noexcept;  // every call that begins from now on
    void heal() const noexcept;                      // calls succeed again

    // Failures since construction. Errors of the system itself also count, except EAGAIN.
    int failures() const noexcept;
    // How often a thread that saw a failure returned from poll(2) or epoll_wait(2), whether or not it slept
    // there. So a thread that spins is not mistaken for an idle one.
    int wake_ups() const noexcept;

private:
    static constexpr int kForEver = -1;
};

}  // namespace switchboard::test
