// Work from other threads.
#pragma once

#include <mutex>
#include <switchboard/reactor.hpp>
#include <vector>

#include "backlog.hpp"
#include "loop.hpp"

namespace switchboard::detail {

// One wake-up a batch: only the post that finds the queue empty wakes the loop, and the loop itself
// where a batch is more than a turn's budget.
class Posts {
public:
    explicit Posts(Loop& loop);  // opens the loop's async handle

    void post(Reactor::Callback fn);  // any thread
    bool waiting();
    void close();    // drops what is left, and whatever is posted from now on
    void abandon();  // in a forked child: unless another thread held the lock when it was made

private:
    void run();  // those there are now, at most kPostsPerTurn
    static void on_async(uv_async_t* async);
    void drop(std::unique_lock<std::mutex> lock);

    Loop& loop_;
    std::mutex mutex_;
    std::vector<Reactor::Callback> queue_;
    bool closed_ = false;
    Backlog<Reactor::Callback> batch_;  // the loop's own: taken out of the queue
};

}  // namespace switchboard::detail
