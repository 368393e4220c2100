#include "platform.hpp"

#include <fcntl.h>

namespace switchboard::platform {

int set_blocking(int fd, bool blocking) noexcept {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    const int wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    return wanted == flags ? 0 : fcntl(fd, F_SETFL, wanted);
}

}  // namespace switchboard::platform
