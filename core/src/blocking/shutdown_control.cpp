#include "shutdown_control.hpp"

#include <sys/socket.h>

#include "wait.hpp"

namespace switchboard::detail {
namespace {

// Returns true if `fd` became readable or `until` came, and false if `done` became readable.
bool rises_before(int fd, int done, Clock::time_point until) {
    pollfd entries[] = {{done, POLLIN, 0}, {fd, POLLIN, 0}};
    wait_for(entries, until);
    return entries[0].revents == 0;
}

}  // namespace

Result<std::unique_ptr<ShutdownControl>> ShutdownControl::create() {
    auto stop = Stop::create();
    if (!stop) return tl::unexpected(stop.error());
    return make_shared_memory<Steps>(1).map([&](Shared<Steps> steps) {
        return std::unique_ptr<ShutdownControl>(
            new ShutdownControl(std::move(*stop), std::move(steps)));
    });
}

void ShutdownControl::drain() noexcept {
    steps_[0].draining = true;
    stop_.drain();
}

void ShutdownControl::abort_all() {
    const std::lock_guard lock(mutex_);
    steps_[0].aborting = true;
    stop_.abort();
    for (const int fd : open_) ::shutdown(fd, SHUT_RD);
}

void ShutdownControl::enter(int fd) {
    const std::lock_guard lock(mutex_);
    open_.insert(fd);
    if (aborting()) ::shutdown(fd, SHUT_RD);
}

void ShutdownControl::leave(int fd) noexcept {
    const std::lock_guard lock(mutex_);
    open_.erase(fd);
}

Result<std::unique_ptr<Watchdog>> Watchdog::start(const Stop& stop, std::chrono::milliseconds drain,
                                                  SharedListener& listener,
                                                  ShutdownControl& shutdown) {
    auto done = Stop::create();
    if (!done) return tl::unexpected(done.error());
    std::unique_ptr<Watchdog> dog(new Watchdog(std::move(*done)));
    try {
        dog->thread_ = std::thread([&stop, drain, &listener, &shutdown, self = dog.get()] {
            self->watch(stop, drain, listener, shutdown);
        });
    } catch (const std::system_error& e) {
        return fail(e.code(), "start thread");
    }
    return dog;
}

Watchdog::~Watchdog() {
    done_.drain();
    if (thread_.joinable()) thread_.join();
}

void Watchdog::watch(const Stop& stop, std::chrono::milliseconds drain, SharedListener& listener,
                     ShutdownControl& shutdown) const {
    if (!rises_before(stop.drain_fd(), done_.drain_fd(), kNever)) return;
    listener.close();
    shutdown.drain();
    if (rises_before(stop.abort_fd(), done_.drain_fd(), from_now(drain))) shutdown.abort_all();
}

}  // namespace switchboard::detail
