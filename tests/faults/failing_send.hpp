// Lets sendmsg(2) and sendmmsg(2) fail, as the system does for what ICMP said, or for want of memory.
#pragma once

#include <deque>

namespace switchboard::test {

// Interposed between this program and the C library (failing_send.cpp). The next calls of this thread each
// take one errno of the list and fail with it; 0, and the end of the list, let a call through. One at a time.
class FailingSend {
public:
    explicit FailingSend(std::deque<int> errors);
    FailingSend(const FailingSend&) = delete;
    FailingSend& operator=(const FailingSend&) = delete;
    ~FailingSend();

    std::size_t calls() const noexcept;  // of this thread, since it was made
};

}  // namespace switchboard::test
