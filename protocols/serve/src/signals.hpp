// SIGTERM and SIGINT for the blocking drivers, which have no loop that could take them.
#pragma once

#include <csignal>
#include <initializer_list>
#include <switchboard/stop.hpp>

namespace switchboard::program {

// Lets these signals come to the calling thread, and to those that it starts: whoever started this
// program may have blocked them, and a mask is inherited (man 2 sigprocmask). To be called once they are
// handled, as one may be pending.
void unblock(std::initializer_list<int> signals);

// While it lives, the first of these signals drains `stop` and the next one aborts it, whatever mask the
// program was started with. One per process. In a forked child they end that child alone, as they would
// by default.
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

// Once all is served how this program ends is decided: another signal must not turn that into its death,
// when those who took it are gone. For the thread that is left.
void block_stop_signals();

}  // namespace switchboard::program
