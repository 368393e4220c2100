// Signals for the blocking drivers and the supervisor of --isolate, which have no loop to handle them.
#pragma once

#include <csignal>
#include <initializer_list>
#include <memory>
#include <string>
#include <switchboard/stop.hpp>
#include <tl/expected.hpp>

namespace switchboard::program {

// Unblocks these signals in the calling thread and the threads that it starts. The parent process may have
// blocked them, and the mask is inherited (man 2 sigprocmask). Call it after the handlers are installed,
// because a signal may be pending.
void unblock(std::initializer_list<int> signals);

// While this object exists, the first of these signals calls stop.drain() and the next one stop.abort(),
// whatever mask the program was started with. At most one may exist per process. In a forked child these
// signals end the child, as they do by default.
class StopOnSignals {
public:
    explicit StopOnSignals(const Stop& stop);
    ~StopOnSignals();
    StopOnSignals(const StopOnSignals&) = delete;
    StopOnSignals& operator=(const StopOnSignals&) = delete;

private:
    struct sigaction terminate_before_ {};
    struct sigaction interrupt_before_ {};
};

// While this object exists, SIGHUP and SIGUSR1 are not handled but written to a pipe, each as a byte with the
// number of the signal. At most one may exist per process. A forked child ignores both until it handles them
// itself.
class SignalPipe {
public:
    static tl::expected<std::unique_ptr<SignalPipe>, std::string> open();
    ~SignalPipe();
    SignalPipe(const SignalPipe&) = delete;
    SignalPipe& operator=(const SignalPipe&) = delete;
    int fd() const noexcept { return ends_[0]; }  // the read end

private:
    explicit SignalPipe(const int (&ends)[2]);
    const int ends_[2];
    struct sigaction hangup_before_ {};
    struct sigaction user_before_ {};
};

// Blocks these signals in the calling thread. Call it when serving has ended: the exit status is decided,
// and a later signal, which has no handler any more, must not kill the program.
void block_stop_signals();

}  // namespace switchboard::program
