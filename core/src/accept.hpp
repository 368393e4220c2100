// accept(2) as Socket::accept does it, and what may be accepted from, for descriptors that no Socket owns.
// Private to core and reactor.
#pragma once

#include <string>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

Result<Socket> accept_from(int listener, Blocking blocking, SocketAddress* peer = nullptr);

// Whether it is a stream socket that listens; the error says what it is instead.
Result<void> check_listener(int fd, const std::string& tried);

}  // namespace switchboard::detail
