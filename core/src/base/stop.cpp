#include <switchboard/stop.hpp>

#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <utility>

#include "platform/platform.hpp"

namespace switchboard {
namespace {

// One byte that is never read keeps the other end readable, and so does a full pipe. Signal handlers call
// this, so errno must be restored.
void raise_in(int fd) noexcept {
    const int error = errno;
    const char byte = 0;
    while (::write(fd, &byte, 1) < 0 && errno == EINTR) {
    }
    errno = error;
}

bool readable(int fd) noexcept {
    const int error = errno;
    pollfd entry{fd, POLLIN, 0};
    int ready = 0;
    do ready = ::poll(&entry, 1, 0);
    while (ready < 0 && errno == EINTR);
    errno = error;
    return ready > 0 && (entry.revents & POLLIN) != 0;
}

void close_all(int (&ends)[2]) noexcept {
    for (int& end : ends) {
        if (end >= 0) ::close(end);
        end = -1;
    }
}

}  // namespace

Result<Stop> Stop::create() {
    Stop stop;
    if (platform::open_pipe(stop.drain_) < 0 || platform::open_pipe(stop.abort_) < 0)
        return fail_errno("pipe");
    return stop;
}

Stop::Stop(Stop&& other) noexcept {
    std::swap(drain_, other.drain_);
    std::swap(abort_, other.abort_);
}

Stop& Stop::operator=(Stop&& other) noexcept {
    Stop moved(std::move(other));
    std::swap(drain_, moved.drain_);
    std::swap(abort_, moved.abort_);
    return *this;
}

Stop::~Stop() {
    close_all(drain_);
    close_all(abort_);
}

void Stop::drain() const noexcept {
    raise_in(drain_[1]);
}

void Stop::abort() const noexcept {
    raise_in(drain_[1]);  // first: a thread that sees the abort must also see the drain
    raise_in(abort_[1]);
}

bool Stop::draining() const noexcept {
    return readable(drain_[0]);
}
bool Stop::aborting() const noexcept {
    return readable(abort_[0]);
}

}  // namespace switchboard
