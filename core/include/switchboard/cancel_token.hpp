// CancelToken: tells work on another thread that its result is no longer wanted.
#pragma once

#include <atomic>
#include <memory>

namespace switchboard {

// A flag that all copies of a token share. Once set, it stays set. Nothing is interrupted: long work should
// call cancelled() now and then, and decides itself whether to stop. Threading: cancel() and cancelled() are
// thread-safe. What a thread wrote before cancel() is visible to every thread that then reads cancelled() as
// true. (std::stop_token would do as well, but libc++ before version 20 does not have it.)
class CancelToken {
public:
    CancelToken() : cancelled_(std::make_shared<std::atomic<bool>>(false)) {}

    void cancel() const noexcept { cancelled_->store(true, std::memory_order_release); }
    bool cancelled() const noexcept { return cancelled_->load(std::memory_order_acquire); }

private:
    std::shared_ptr<std::atomic<bool>> cancelled_;
};

}  // namespace switchboard
