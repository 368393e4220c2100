// Masks that nobody can predict (RFC 6455, 10.3).
#pragma once

#include <array>

#include "mask.hpp"

namespace switchboard::websocket::detail {

// Fills `to`, of at most 256 bytes, from getentropy(3). Throws std::system_error if the system cannot.
void fill_random(MutableBytes to);

// Takes 64 masks at a time from the system. Each client has its own, made when it first sends: after a
// fork(2) two processes never use the same masks, since they do not use the same connection.
class MaskSource {
public:
    Mask next() {
        if (used_ == masks_.size()) refill();
        return masks_[used_++];
    }

private:
    void refill() {
        fill_random(std::as_writable_bytes(std::span(masks_)));
        used_ = 0;
    }

    std::array<Mask, 64> masks_{};
    std::size_t used_ = 64;
};

}  // namespace switchboard::websocket::detail
