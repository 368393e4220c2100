#include "process.hpp"

#if defined(__linux__) && !defined(SWITCHBOARD_PORTABLE)

#include <sys/prctl.h>

#include <pthread.h>
#include <sched.h>
#include <csignal>
#include <cstring>

namespace switchboard::platform {

static_assert(sizeof(cpu_set_t) == sizeof(Processors));

Processors pin_thread(std::size_t index) noexcept {
    cpu_set_t may;
    Processors before;
    CPU_ZERO(&may);
    if (pthread_getaffinity_np(pthread_self(), sizeof may, &may) != 0) return before;
    std::memcpy(before.bits.data(), &may, sizeof may);
    std::size_t left = index % static_cast<std::size_t>(CPU_COUNT(&may));
    std::size_t chosen = 0;
    while (CPU_ISSET(chosen, &may) == 0 || left-- > 0) ++chosen;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(chosen, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    return before;
}

void unpin_thread(const Processors& before) noexcept {
    cpu_set_t set;
    std::memcpy(&set, before.bits.data(), sizeof set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void end_with_parent() noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

}  // namespace switchboard::platform

#else

namespace switchboard::platform {

void end_with_parent() noexcept {}

Processors pin_thread(std::size_t) noexcept {
    return {};
}

void unpin_thread(const Processors&) noexcept {}

}  // namespace switchboard::platform

#endif
