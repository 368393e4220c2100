// Posts: work from other threads.
#pragma once

#include <mutex>
#include <switchboard/reactor.hpp>
#include <vector>

#include "backlog.hpp"
#include "loop.hpp"

namespace switchboard::detail {

// Each batch takes one wake-up: only a post that finds the queue empty wakes the loop. If a batch exceeds the
// budget of a turn, the loop wakes itself.
class Posts {
public:
    explicit Posts(Loop& loop);  // opens the loop's async handle

    void post(Reactor::Callback fn);  // any thread may call it
    bool waiting();
    void close();  // drops all posts, also those that come later
    void
    abandon();  // for a forked child: the same, unless another thread held the lock at the fork

private:
    void run();  // runs the posts of the current batch, at most kPostsPerTurn
    static void on_async(uv_async_t* async);
    void drop(std::unique_lock<std::mutex> lock);

    Loop& loop_;
    std::mutex mutex_;
    std::vector<Reactor::Callback> queue_;
    bool closed_ = false;
    Backlog<Reactor::Callback> batch_;  // taken from the queue; for the loop's thread only
};

}  // namespace switchboard::detail
