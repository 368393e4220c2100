// Handles that a plugin may keep longer than it should.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

struct sb_reactor;
struct sb_socket;

namespace switchboard::plugin_host {

class Plugin;

// Objects of one type, which are never destroyed while the plugin is mapped, and rest before they are used
// again. So a pointer that the plugin has kept finds that its object has ended. Threading: thread-safe.
template <class T>
class Handles {
public:
    explicit Handles(Plugin& plugin) noexcept : plugin_(plugin) {}
    Handles(const Handles&) = delete;
    Handles& operator=(const Handles&) = delete;

    T& take() {  // throws std::bad_alloc
        const std::lock_guard lock(mutex_);
        if (resting_.size() > kRest) {
            T* const oldest = resting_.front();
            resting_.pop_front();
            return *oldest;
        }
        return *all_.emplace_back(std::make_shared<T>(plugin_));
    }
    void give_back(T& handle) noexcept {
        const std::lock_guard lock(mutex_);
        try {
            resting_.push_back(&handle);
        } catch (const std::bad_alloc&) {  // it is not used again
        }
    }

private:
    static constexpr std::size_t kRest = 1024;

    Plugin& plugin_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<T>> all_;  // shared: T is incomplete where this is destroyed
    std::deque<T*> resting_;
};

}  // namespace switchboard::plugin_host
