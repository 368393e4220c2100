#include "random_masks.hpp"

#include <sys/random.h>  // getentropy() of macOS
#include <unistd.h>      // that of Linux and the BSDs
#include <cerrno>
#include <system_error>

namespace switchboard::websocket::detail {

void fill_random(MutableBytes to) {
    if (::getentropy(to.data(), to.size()) != 0)
        throw std::system_error(errno, std::system_category(), "getentropy");
}

}  // namespace switchboard::websocket::detail
