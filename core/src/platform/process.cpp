#include "process.hpp"

#if defined(__linux__) && !defined(SWITCHBOARD_PORTABLE)

#include <sys/prctl.h>

#include <csignal>

namespace switchboard::platform {

void end_with_parent() noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

}  // namespace switchboard::platform

#else

namespace switchboard::platform {

void end_with_parent() noexcept {}

}  // namespace switchboard::platform

#endif
