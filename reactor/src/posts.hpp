// Work from other threads.
#pragma once

#include <mutex>
#include <switchboard/reactor.hpp>
#include <vector>

#include "loop.hpp"

namespace switchboard::detail {

// One wake-up a batch: only the post that finds the queue empty wakes the loop.
class Posts {
public:
    explicit Posts(Loop& loop);  // opens the loop's async handle

    void post(Reactor::Callback fn);  // any thread
    bool waiting();
    void close();    // drops what is left
    void abandon();  // in a forked child: another thread may have held the lock when it was made

private:
    void run();  // those there are now
    static void on_async(uv_async_t* async);

    Loop& loop_;
    std::mutex mutex_;
    std::vector<Reactor::Callback> queue_, running_;
};

}  // namespace switchboard::detail
