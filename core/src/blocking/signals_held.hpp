// SignalsHeld: blocks all signals of a thread for a while.
#pragma once

#include <csignal>

namespace switchboard::detail {

class SignalsHeld {
public:
    SignalsHeld() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;

    void accept(int number) noexcept { sigdelset(&before_, number); }  // from the end on

private:
    sigset_t before_{};
};

}  // namespace switchboard::detail
