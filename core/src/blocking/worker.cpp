// The side of the worker process: see supervisor.cpp for the other side.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <switchboard/workers.hpp>
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

}  // namespace

void Worker::ready() {
    [[maybe_unused]] const auto told = ::write(told_, &detail::kWorkerReady, 1);
    // The thread must not run signal handlers.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    std::thread(end_with_supervisor, supervisor_).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
