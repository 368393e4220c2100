#include "wait.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/deadline.hpp"

namespace switchboard::detail {
namespace {

int poll_timeout(Clock::time_point until) {
    using std::chrono::milliseconds;
    if (until == kNever) return -1;
    if (until <= Clock::now()) return 0;  // the difference to kAtOnce would overflow
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    constexpr milliseconds::rep most = std::numeric_limits<int>::max();
    return static_cast<int>(std::clamp<milliseconds::rep>(left, 0, most));
}

}  // namespace

bool wait_for(std::span<pollfd> entries, Clock::time_point until) {
    for (;;) {
        const int timeout = poll_timeout(until);
        const int ready = ::poll(entries.data(), entries.size(), timeout);
        if (ready > 0) return true;
        if (ready == 0 && Clock::now() >= until) return false;
    }
}

Clock::time_point from_now(std::chrono::milliseconds time) {
    return deadline_after(Clock::now(), time);
}

Clock::time_point in(std::chrono::milliseconds limit) {
    return limit_after(Clock::now(), limit);
}

NonBlocking::NonBlocking(int fd) noexcept : fd_(fd), flags_(::fcntl(fd, F_GETFL)) {
    if (flags_ >= 0 && (flags_ & O_NONBLOCK) == 0) ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
}

NonBlocking::~NonBlocking() {
    if (flags_ >= 0 && (flags_ & O_NONBLOCK) == 0) ::fcntl(fd_, F_SETFL, flags_);
}

}  // namespace switchboard::detail
