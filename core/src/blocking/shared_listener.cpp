#include "shared_listener.hpp"

#include <unistd.h>

#include <cassert>

#include "net/accept.hpp"

namespace switchboard::detail {

static_assert(std::atomic<int>::is_always_lock_free, "a signal handler uses one");

SharedListener::SharedListener(Socket socket) : fd_(-1) {
    assert(socket && "there must be a listener");
    // Fails only if it is not a descriptor; accept() then fails, too.
    (void)socket.set_blocking(Blocking::no);
    fd_ = socket.release();
}

SharedListener::User::User(SharedListener& listener) noexcept : listener_(listener) {
    const std::lock_guard lock(listener_.mutex_);
    ++listener_.users_;
}

SharedListener::User::~User() {
    const std::lock_guard lock(listener_.mutex_);
    --listener_.users_;
    if (listener_.closing_) listener_.close_unused();
}

Result<Socket> SharedListener::accept() const {
    return accept_from(fd_, Blocking::yes);
}

void SharedListener::close() noexcept {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    close_unused();
}

void SharedListener::close_unused() noexcept {
    if (users_ > 0 || fd_ < 0) return;
    detach();
}

void SharedListener::detach() noexcept {
    if (const int fd = fd_.exchange(-1); fd >= 0) ::close(fd);
}

}  // namespace switchboard::detail
