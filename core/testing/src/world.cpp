#include "world.hpp"

namespace switchboard::testing {

void Way::push(Bytes bytes) {
    if (!closed_) bytes_ += as_text(bytes);
}

std::vector<std::byte> Way::pop(std::size_t count) {
    const Bytes front = as_bytes(bytes_).subspan(used_, count);
    std::vector<std::byte> taken(front.begin(), front.end());
    used_ += count;
    if (used_ * 2 >= bytes_.size()) {
        bytes_.erase(0, used_);
        used_ = 0;
    }
    return taken;
}

void Way::close() {
    closed_ = true;
    bytes_.clear();
    used_ = 0;
}

}  // namespace switchboard::testing
