// SIGTERM and SIGINT for the blocking drivers, which have no loop to handle them.
#pragma once

#include <csignal>
#include <initializer_list>
#include <switchboard/stop.hpp>

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

// Blocks these signals in the calling thread. Call it when serving has ended: the exit status is decided,
// and a later signal, which has no handler any more, must not kill the program.
void block_stop_signals();

}  // namespace switchboard::program
