// Makes epoll_ctl(2) fail to add a descriptor, as if memory or fs.epoll.max_user_watches were used up, and
// counts the calls.
#pragma once

namespace switchboard::test {

// Interposed between this program and the C library, as FailingAccept is. Only one object may exist at a
// time.
class FailingWatch {
public:
    struct Counts {
        int added = 0, changed = 0, removed = 0;
        int failed = 0;  // calls of all three kinds
    };

    FailingWatch() noexcept;
    FailingWatch(const FailingWatch&) = delete;
    FailingWatch& operator=(const FailingWatch&) = delete;
    ~FailingWatch();

    void fail(int error,
              int after = 0) const noexcept;  // every call that adds, after the first `after`
    void heal() const noexcept;
    Counts take() const noexcept;  // since the last call of take()
};

}  // namespace switchboard::test
