// What all connections with the same Settings share.
#pragma once

#include <switchboard/deflate.hpp>
#include <switchboard/websocket.hpp>

namespace switchboard::websocket::detail {

struct Shared {
    explicit Shared(const Options& given) : options(given), pool(given.deflate.stream) {}

    const Options options;
    mutable DeflatePool pool;  // locks by itself
};

}  // namespace switchboard::websocket::detail
