// The set of descriptors that libuv waits for, changed beside libuv. Private to core and reactor.
#pragma once

namespace switchboard::platform {

// Whether the set is one of epoll(7), whose events carry the descriptor as libuv expects it. Elsewhere
// only libuv changes its set, and the calls below fail with ENOSYS.
extern const bool kChangesPollSet;

// What a descriptor in the set is watched for besides errors and hang-ups. Nothing: each of these is told
// once (EPOLLET), as nobody will read what would end a hang-up.
struct PollInterest {
    bool read, write;
};

// As epoll_ctl(2): 0, or -1 and errno. Only the first needs memory, and counts against
// fs.epoll.max_user_watches.
int add_to_poll_set(int set, int fd, PollInterest interest) noexcept;
int change_in_poll_set(int set, int fd, PollInterest interest) noexcept;
int remove_from_poll_set(int set, int fd) noexcept;

}  // namespace switchboard::platform
