// Accepting from a descriptor that no Socket owns: accept(2) as Socket::accept() calls it, and a check of the
// listener. Private to core and reactor.
#pragma once

#include <string>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

Result<Socket> accept_from(int listener, Blocking blocking, SocketAddress* peer = nullptr);

// Checks that `fd` is a listening stream socket. The error says what it is instead.
Result<void> check_listener(int fd, const std::string& tried);

}  // namespace switchboard::detail
