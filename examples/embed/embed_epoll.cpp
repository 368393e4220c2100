// A reactor inside an epoll loop that also waits for its own timerfd.
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <switchboard/embed.hpp>

#include <cstdlib>

#include "metronome.hpp"

using namespace switchboard;

int main(int argc, char** argv) {
    Reactor reactor;
    bool over = false;
    Metronome metronome(reactor, argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 500,
                        [&] { over = true; });

    const int own = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    const itimerspec often{{0, 100'000'000}, {0, 100'000'000}};
    timerfd_settime(own, 0, &often, nullptr);
    const int loop = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{.events = EPOLLIN, .data = {.fd = poll_fd(reactor)}};
    epoll_ctl(loop, EPOLL_CTL_ADD, poll_fd(reactor), &event);
    event.data.fd = own;
    epoll_ctl(loop, EPOLL_CTL_ADD, own, &event);

    std::uint64_t alarms = 0;
    while (!over) {
        const auto timeout = next_timeout(reactor);
        if (epoll_wait(loop, &event, 1, timeout ? static_cast<int>(timeout->count()) : -1) == 1 &&
            event.data.fd == own) {
            std::uint64_t expired = 0;
            if (read(own, &expired, sizeof expired) == sizeof expired) alarms += expired;
        } else {
            run_ready(reactor);
        }
    }
    close(loop);
    close(own);
    metronome.report();
    std::printf("%llu alarms of the host's\n", static_cast<unsigned long long>(alarms));
}
