// How work on another thread learns that nobody waits for it any more.
#pragma once

#include <atomic>
#include <memory>

namespace switchboard {

// A flag that all copies of a token share, and that is set once and for good. Nothing is interrupted:
// work that takes long asks now and then, and decides itself. cancel() and cancelled() are
// thread-safe, and what a thread wrote before cancel() is seen by whoever then reads cancelled() as true.
// (std::stop_token would do as much, but libc++ before version 20 has none.)
class CancelToken {
public:
    CancelToken() : cancelled_(std::make_shared<std::atomic<bool>>(false)) {}

    void cancel() const noexcept { cancelled_->store(true, std::memory_order_release); }
    bool cancelled() const noexcept { return cancelled_->load(std::memory_order_acquire); }

private:
    std::shared_ptr<std::atomic<bool>> cancelled_;
};

}  // namespace switchboard
