#include "thread_group.hpp"

namespace switchboard::detail {

Result<void> ThreadGroup::start(std::function<void()> work) {
    std::list<std::thread> started(1);  // a separate list: an exception must not change the group
    const auto self = started.begin();
    const std::lock_guard lock(mutex_);  // the thread must not retire before it is in running_
    try {
        *self = std::thread([this, self, work = std::move(work)]() mutable {
            work();
            work = nullptr;  // destroys what it owns before the thread is counted as ended
            retire(self);
        });
    } catch (const std::system_error& e) {
        return fail(e.code(), "start thread");
    }
    running_.splice(running_.end(), started);
    return {};
}

std::size_t ThreadGroup::count() const {
    const std::lock_guard lock(mutex_);
    return running_.size();
}

void ThreadGroup::retire(std::list<std::thread>::iterator self) {
    std::thread former;
    {
        const std::lock_guard lock(mutex_);
        former = std::exchange(last_, std::move(*self));
        running_.erase(self);
        if (running_.empty()) none_left_.notify_all();
    }
    if (former.joinable()) former.join();
}

void ThreadGroup::join() {
    std::unique_lock lock(mutex_);
    none_left_.wait(lock, [this] { return running_.empty(); });
    // The last thread has joined those before it. Joining it needs no lock.
    if (last_.joinable()) last_.join();
}

}  // namespace switchboard::detail
