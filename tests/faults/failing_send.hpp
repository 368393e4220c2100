// Makes sendmsg(2) and sendmmsg(2) fail, as the system does after an ICMP error or if memory is short.
#pragma once

#include <deque>

namespace switchboard::test {

// Interposed between this program and the C library (failing_send.cpp). Each of this thread's next calls
// takes one errno of the list and fails with it. A 0 lets a call through, and so does the end of the list.
// Only one object may exist at a time.
class FailingSend {
public:
    explicit FailingSend(std::deque<int> errors);
    FailingSend(const FailingSend&) = delete;
    FailingSend& operator=(const FailingSend&) = delete;
    ~FailingSend();

    std::size_t calls() const noexcept;  // of this thread, since construction
};

}  // namespace switchboard::test
