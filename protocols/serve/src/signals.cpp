#include "signals.hpp"

#include <unistd.h>

#include <atomic>
#include <cassert>

namespace switchboard::program {
namespace {

// A signal handler has nothing else to find its way by.
std::atomic<const Stop*> stop_of_process{nullptr};
std::atomic<pid_t> owner{0};
std::atomic<int> arrived{0};
static_assert(std::atomic<const Stop*>::is_always_lock_free);
static_assert(std::atomic<pid_t>::is_always_lock_free);

void on_stop_signal(int signal) {
    const Stop* stop = stop_of_process.load();
    if (getpid() != owner.load()) {
        std::signal(signal, SIG_DFL);
        static_cast<void>(std::raise(signal));  // comes when this handler has returned
    } else if (stop != nullptr) {
        arrived.fetch_add(1) == 0 ? stop->drain() : stop->abort();
    }
}

}  // namespace

StopOnSignals::StopOnSignals(const Stop& stop) {
    assert(stop_of_process.load() == nullptr);
    owner = getpid();
    arrived = 0;
    stop_of_process = &stop;
    struct sigaction action {};
    action.sa_handler = on_stop_signal;
    // No SA_RESTART: the drivers go on after EINTR, and under the thread sanitizer a handler runs
    // only once the blocking call it came in has returned.
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaddset(&action.sa_mask, SIGINT);
    sigaction(SIGTERM, &action, &terminate_before_);
    sigaction(SIGINT, &action, &interrupt_before_);
}

StopOnSignals::~StopOnSignals() {
    sigaction(SIGTERM, &terminate_before_, nullptr);
    sigaction(SIGINT, &interrupt_before_, nullptr);
    stop_of_process = nullptr;
}

void block_stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace switchboard::program
