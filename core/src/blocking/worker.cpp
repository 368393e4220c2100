// The side of the worker process: see supervisor.cpp for the other side.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <switchboard/workers.hpp>
#include <system_error>
#include <thread>

#include "worker_page.hpp"

namespace switchboard {
namespace {

// The pipe hangs up when the supervisor has ended, however it ended.
void end_with_supervisor(int pipe) {
    pollfd entry{pipe, POLLIN, 0};
    while (::poll(&entry, 1, -1) < 0 && errno == EINTR) continue;
    ::_exit(1);
}

// The thread must not run signal handlers.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

void watch_supervisor(int supervisor) {
    const AllSignalsBlocked blocked;
    std::thread(end_with_supervisor, supervisor).detach();
}

}  // namespace

void Worker::ready() noexcept {
    try {
        watch_supervisor(supervisor_);
    } catch (const std::system_error& error) {
        const std::string text = std::string("start a thread: ") + error.code().message();
        [[maybe_unused]] const auto told = ::write(told_, text.data(), text.size());
        ::_exit(1);
    }
    [[maybe_unused]] const auto told = ::write(told_, &detail::kWorkerReady, 1);
}

void Worker::ask_to_drain() noexcept {
    [[maybe_unused]] const auto told = ::write(told_, &detail::kWorkerDrains, 1);
}

bool Worker::draining() const noexcept {
    return page_->draining;
}

std::atomic<std::size_t>& Worker::connections() const noexcept {
    return page_->connections;
}

}  // namespace switchboard
