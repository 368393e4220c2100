#include "signals.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cassert>
#include <cerrno>

#include "commands.hpp"

namespace switchboard::program {
namespace {

// Globals, because a signal handler can reach nothing else.
std::atomic<const Stop*> stop_of_process{nullptr};
std::atomic<pid_t> owner{0};
std::atomic<int> arrived{0};
static_assert(std::atomic<const Stop*>::is_always_lock_free);
static_assert(std::atomic<pid_t>::is_always_lock_free);

void on_stop_signal(int signal) {
    const Stop* stop = stop_of_process.load();
    if (getpid() != owner.load()) {
        std::signal(signal, SIG_DFL);
        static_cast<void>(std::raise(signal));  // delivered when this handler has returned
    } else if (stop != nullptr) {
        arrived.fetch_add(1) == 0 ? stop->drain() : stop->abort();
    }
}

// The write end, which does not block.
std::atomic<int> pipe_of_process{-1};
std::atomic<pid_t> owner_of_pipe{0};

void on_piped_signal(int signal) {
    const int error = errno;
    const auto byte = static_cast<unsigned char>(signal);
    if (getpid() == owner_of_pipe.load()) {
        // If the pipe is full, as many signals wait already.
        [[maybe_unused]] const auto written = write(pipe_of_process.load(), &byte, 1);
    }
    errno = error;
}

sigset_t set_of(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals) sigaddset(&set, signal);
    return set;
}

}  // namespace

void unblock(std::initializer_list<int> signals) {
    const sigset_t set = set_of(signals);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

StopOnSignals::StopOnSignals(const Stop& stop) {
    assert(stop_of_process.load() == nullptr);
    owner = getpid();
    arrived = 0;
    stop_of_process = &stop;
    struct sigaction action {};
    action.sa_handler = on_stop_signal;
    // No SA_RESTART: the drivers go on after EINTR, and under the thread sanitizer a handler runs only when
    // the interrupted call has returned.
    action.sa_mask = set_of({SIGTERM, SIGINT});
    sigaction(SIGTERM, &action, &terminate_before_);
    sigaction(SIGINT, &action, &interrupt_before_);
    unblock({SIGTERM, SIGINT});
}

StopOnSignals::~StopOnSignals() {
    sigaction(SIGTERM, &terminate_before_, nullptr);
    sigaction(SIGINT, &interrupt_before_, nullptr);
    stop_of_process = nullptr;
}

tl::expected<std::unique_ptr<SignalPipe>, std::string> SignalPipe::open() {
    int ends[2] = {-1, -1};
    if (pipe(ends) != 0) return refuse(fail_errno("pipe").value());
    for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    return std::unique_ptr<SignalPipe>(new SignalPipe(ends));
}

SignalPipe::SignalPipe(const int (&ends)[2]) : ends_{ends[0], ends[1]} {
    assert(pipe_of_process.load() < 0);
    owner_of_pipe = getpid();
    pipe_of_process = ends_[1];
    struct sigaction action {};
    action.sa_handler = on_piped_signal;
    sigaction(SIGHUP, &action, &hangup_before_);
    sigaction(SIGUSR1, &action, &user_before_);
    unblock({SIGHUP, SIGUSR1});
}

SignalPipe::~SignalPipe() {
    sigaction(SIGHUP, &hangup_before_, nullptr);
    sigaction(SIGUSR1, &user_before_, nullptr);
    pipe_of_process = -1;
    for (const int end : ends_) close(end);
}

void block_stop_signals() {
    const sigset_t set = set_of({SIGTERM, SIGINT});
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace switchboard::program
