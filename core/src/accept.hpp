// accept(2) as Socket::accept does it, from a descriptor that no Socket owns. Private to core.
#pragma once

#include <switchboard/socket.hpp>

namespace switchboard::detail {

Result<Socket> accept_from(int listener, Blocking blocking, SocketAddress* peer = nullptr);

}  // namespace switchboard::detail
