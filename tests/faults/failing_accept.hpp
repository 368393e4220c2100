// Lets accept(2) fail, as if the system were short of something; and counts what the threads that this
// happens to do about it.
#pragma once

#include <atomic>

namespace switchboard::test {

// Interposed between this program and the C library (failing_accept.cpp), and shared with the children
// it forks. One at a time, made before what is to fail.
class FailingAccept {
public:
    FailingAccept() noexcept;
    FailingAccept(const FailingAccept&) = delete;
    FailingAccept& operator=(const FailingAccept&) = delete;
    ~FailingAccept();

    void fail(int error, int times = kForEver) const noexcept;  // each call from now on
    void heal() const noexcept;                                 // none any more

    // Since it was made. What the system itself fails with counts, too, but for EAGAIN.
    int failures() const noexcept;
    // How often a thread that this had happened to came back from poll(2) or epoll_wait(2): whether it
    // had slept there or not, so that one that spins does not look as if it idled.
    int wake_ups() const noexcept;

private:
    static constexpr int kForEver = -1;
};

}  // namespace switchboard::test
