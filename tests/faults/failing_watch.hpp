// Lets epoll_ctl(2) fail to add, as if memory or fs.epoll.max_user_watches were used up; and counts it.
#pragma once

namespace switchboard::test {

// Interposed between this program and the C library, as FailingAccept is. One at a time.
class FailingWatch {
public:
    struct Counts {
        int added = 0, changed = 0, removed = 0;
        int failed = 0;  // of all three
    };

    FailingWatch() noexcept;
    FailingWatch(const FailingWatch&) = delete;
    FailingWatch& operator=(const FailingWatch&) = delete;
    ~FailingWatch();

    void fail(int error,
              int after = 0) const noexcept;  // each that adds, but for the first `after`
    void heal() const noexcept;
    Counts take() const noexcept;  // since the last time
};

}  // namespace switchboard::test
