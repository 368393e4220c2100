// Changes libuv's set of polled descriptors directly. Private to core and reactor.
#pragma once

namespace switchboard::platform {

// Whether the set is an epoll(7) set, whose events carry the descriptor as libuv expects it. On other
// systems only libuv can change its set, and the functions below fail with ENOSYS.
extern const bool kChangesPollSet;

// The events that a descriptor is watched for, in addition to errors and hang-ups. If both are false, errors
// and hang-ups are reported only once (EPOLLET), because nothing is read that would end a hang-up.
struct PollInterest {
    bool read, write;
};

// Like epoll_ctl(2): return 0, or -1 and errno. Only add_to_poll_set() needs memory and counts against
// fs.epoll.max_user_watches.
int add_to_poll_set(int set, int fd, PollInterest interest) noexcept;
int change_in_poll_set(int set, int fd, PollInterest interest) noexcept;
int remove_from_poll_set(int set, int fd) noexcept;

}  // namespace switchboard::platform
