// Threads that come and go, and are all joined in the end.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <switchboard/error.hpp>
#include <thread>

namespace switchboard::detail {

// A thread that ends joins the one that ended before it, so that never more than one waits to be
// joined, however long the owner sleeps. start() and count() are for one thread.
class ThreadGroup {
public:
    ThreadGroup() = default;
    ThreadGroup(const ThreadGroup&) = delete;
    ThreadGroup& operator=(const ThreadGroup&) = delete;
    ~ThreadGroup() { join(); }

    // `work` must not throw. Fails where no thread can be had, and throws bad_alloc; `work` is
    // destroyed then, and the group is as before.
    Result<void> start(std::function<void()> work);
    std::size_t count() const;  // those whose work has not returned
    void join();                // blocks until the work of all is done

private:
    void retire(std::list<std::thread>::iterator self);

    mutable std::mutex mutex_;
    std::condition_variable none_left_;
    std::list<std::thread> running_;
    std::thread last_;  // done, and not joined yet
};

}  // namespace switchboard::detail
