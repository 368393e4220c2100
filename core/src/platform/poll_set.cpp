#include "poll_set.hpp"

#if defined(__linux__) && !defined(SWITCHBOARD_PORTABLE)

#include <sys/epoll.h>

namespace switchboard::platform {
namespace {

int control(int set, int operation, int fd, PollInterest interest) noexcept {
    epoll_event event{};
    event.events = (interest.read ? EPOLLIN : 0U) | (interest.write ? EPOLLOUT : 0U);
    if (event.events == 0) event.events = EPOLLET;
    event.data.fd = fd;
    return ::epoll_ctl(set, operation, fd, &event);
}

}  // namespace

const bool kChangesPollSet = true;

int add_to_poll_set(int set, int fd, PollInterest interest) noexcept {
    return control(set, EPOLL_CTL_ADD, fd, interest);
}

int change_in_poll_set(int set, int fd, PollInterest interest) noexcept {
    return control(set, EPOLL_CTL_MOD, fd, interest);
}

int remove_from_poll_set(int set, int fd) noexcept {
    return control(set, EPOLL_CTL_DEL, fd, {});
}

}  // namespace switchboard::platform

#else

#include <cerrno>

namespace switchboard::platform {

const bool kChangesPollSet = false;

int add_to_poll_set(int, int, PollInterest) noexcept {
    errno = ENOSYS;
    return -1;
}

int change_in_poll_set(int, int, PollInterest) noexcept {
    errno = ENOSYS;
    return -1;
}

int remove_from_poll_set(int, int) noexcept {
    errno = ENOSYS;
    return -1;
}

}  // namespace switchboard::platform

#endif
