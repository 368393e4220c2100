// What a plugin lends to the host: bytes, a file, or the argument of a callback.
#pragma once

#include <memory>
#include <utility>

#include "plugin.hpp"

namespace switchboard::plugin_host {

using Release = void (*)(void*);

// Calls release(owner) at the end; null: nothing. `running` keeps the plugin running until then.
class Lent {
public:
    Lent(std::shared_ptr<Plugin> running, const Plugin& plugin, Release release,
         void* owner) noexcept
        : running_(std::move(running)), plugin_(plugin), release_(release), owner_(owner) {}
    // If there is no memory for a shared one, the temporary has the owner still, and releases it.
    Lent(Lent&& from) noexcept
        : running_(from.running_),
          plugin_(from.plugin_),
          release_(std::exchange(from.release_, nullptr)),
          owner_(from.owner_) {}
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    ~Lent() {
        try {
            if (release_) release_(owner_);
        } catch (...) {
            plugin_.log(LogLevel::error, "release() of what it lent threw, which it must not");
        }
    }

    void* owner() const noexcept { return owner_; }
    const Plugin& plugin() const noexcept { return plugin_; }

private:
    const std::shared_ptr<Plugin> running_;
    const Plugin& plugin_;
    Release release_;  // null: moved from
    void* const owner_;
};

}  // namespace switchboard::plugin_host
