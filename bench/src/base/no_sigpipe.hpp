#pragma once

#include <csignal>

namespace switchboard::bench {

// While it lives, a write to a pipe or socket without a reader fails instead of ending this process.
class NoSigpipe {
public:
    NoSigpipe() {
        struct sigaction ignore {};
        ignore.sa_handler = SIG_IGN;
        sigaction(SIGPIPE, &ignore, &before_);
    }
    ~NoSigpipe() { sigaction(SIGPIPE, &before_, nullptr); }
    NoSigpipe(const NoSigpipe&) = delete;
    NoSigpipe& operator=(const NoSigpipe&) = delete;

private:
    struct sigaction before_ {};
};

}  // namespace switchboard::bench
