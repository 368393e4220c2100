// A group of threads, all of which are joined in the end.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <switchboard/error.hpp>
#include <thread>

namespace switchboard::detail {

// A thread that ends joins the one that ended before it. So at most one ended thread waits to be joined,
// however long the owner sleeps. Threading: one thread calls start() and count().
class ThreadGroup {
public:
    ThreadGroup() = default;
    ThreadGroup(const ThreadGroup&) = delete;
    ThreadGroup& operator=(const ThreadGroup&) = delete;
    ~ThreadGroup() { join(); }

    // `work` must not throw. Errors: returns an error if no thread is available, and throws std::bad_alloc.
    // Then `work` is destroyed, and the group is unchanged.
    Result<void> start(std::function<void()> work);
    std::size_t count() const;  // threads whose work has not returned
    void join();                // blocks until all work has returned

private:
    void retire(std::list<std::thread>::iterator self);

    mutable std::mutex mutex_;
    std::condition_variable none_left_;
    std::list<std::thread> running_;
    std::thread last_;  // has ended and is not joined yet
};

}  // namespace switchboard::detail
