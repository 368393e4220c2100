#include "posts.hpp"

#include <utility>

#include "budgets.hpp"

namespace switchboard::detail {

// Cannot fail: uv_loop_init has opened what all async handles of a loop share.
Posts::Posts(Loop& loop) : loop_(loop) {
    uv_async_init(loop_.uv(), &loop_.async, on_async);
    loop_.async.data = this;
    uv_unref(loop_.keep_alive_handle());
    loop_.handle_opened();
}

// A post that comes too late is destroyed by the calling thread.
void Posts::post(Reactor::Callback fn) {
    const std::scoped_lock lock(mutex_);
    if (closed_) return;
    queue_.push_back(std::move(fn));
    if (queue_.size() == 1) uv_async_send(&loop_.async);
}

// Each post is destroyed before the next one runs.
void Posts::run() {
    if (batch_.empty()) {
        const std::scoped_lock lock(mutex_);
        batch_.take(queue_);
    }
    const std::size_t ran = batch_.run(
        kPostsPerTurn, [this](const Reactor::Callback& fn) { loop_.guarded("post", fn); });
    if (ran > 0) ++loop_.stats.wake_ups;
    loop_.stats.posts += ran;
    if (waiting()) uv_async_send(&loop_.async);
}

bool Posts::waiting() {
    if (!batch_.empty()) return true;
    const std::scoped_lock lock(mutex_);
    return !queue_.empty();
}

void Posts::on_async(uv_async_t* async) {
    auto& self = *static_cast<Posts*>(async->data);
    if (!self.loop_.clock_is_fresh()) self.loop_.run_due_timers();
    self.run();
}

void Posts::close() {
    drop(std::unique_lock(mutex_));
}

void Posts::abandon() {
    drop(std::unique_lock(mutex_, std::try_to_lock));
}

// The posts are destroyed after the lock is released, because destructors of what they own may post.
void Posts::drop(std::unique_lock<std::mutex> lock) {
    uv_close(loop_.keep_alive_handle(),
             [](uv_handle_t* handle) { static_cast<Posts*>(handle->data)->loop_.handle_closed(); });
    if (!lock) return;
    closed_ = true;
    const auto dropped = std::exchange(queue_, {});
    lock.unlock();
    batch_.clear();
}

}  // namespace switchboard::detail
