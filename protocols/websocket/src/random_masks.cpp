#include "random_masks.hpp"

#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif
#include <cerrno>
#include <system_error>

namespace switchboard::websocket::detail {

void fill_random(MutableBytes to) {
    if (::getentropy(to.data(), to.size()) != 0)
        throw std::system_error(errno, std::system_category(), "getentropy");
}

}  // namespace switchboard::websocket::detail
