// The side of the worker process: see supervisor.cpp for the other side.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <switchboard/workers.hpp>
#include <system_error>
#include <thread>

#include "signals_held.hpp"
#include "worker_page.hpp"

namespace switchboard {
namespace {

// The pipe hangs up when the supervisor has ended, however it ended.
void end_with_supervisor(int pipe) {
    pollfd entry{pipe, POLLIN, 0};
    while (::poll(&entry, 1, -1) < 0 && errno == EINTR) continue;
    ::_exit(1);
}

void watch_supervisor(int supervisor) {
    const detail::SignalsHeld held;  // so that the thread runs no signal handler
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
