#include "posts.hpp"

#include <utility>

namespace switchboard::detail {

// Cannot fail: uv_loop_init has opened what all async handles of a loop share.
Posts::Posts(Loop& loop) : loop_(loop) {
    uv_async_init(loop_.uv(), &loop_.async, on_async);
    loop_.async.data = this;
    uv_unref(loop_.keep_alive_handle());
    loop_.handle_opened();
}

void Posts::post(Reactor::Callback fn) {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(fn));
    if (queue_.size() == 1) uv_async_send(&loop_.async);
}

void Posts::run() {
    {
        const std::scoped_lock lock(mutex_);
        running_.swap(queue_);
    }
    if (running_.empty()) return;
    ++loop_.stats.wake_ups;
    loop_.stats.posts += running_.size();
    for (auto& fn : std::exchange(running_, {})) loop_.guarded("post", fn);
}

bool Posts::waiting() {
    const std::scoped_lock lock(mutex_);
    return !queue_.empty();
}

void Posts::on_async(uv_async_t* async) {
    auto& self = *static_cast<Posts*>(async->data);
    if (!self.loop_.keeps_time()) self.loop_.keep_time();
    self.run();
}

void Posts::abandon() {
    uv_close(loop_.keep_alive_handle(),
             [](uv_handle_t* handle) { static_cast<Posts*>(handle->data)->loop_.handle_closed(); });
}

void Posts::close() {
    abandon();
    std::vector<Reactor::Callback> dropped;
    const std::scoped_lock lock(mutex_);
    dropped.swap(queue_);
}

}  // namespace switchboard::detail
