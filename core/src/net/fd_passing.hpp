// Passing descriptors over a unix socket: SCM_RIGHTS, man 7 unix and man 3 cmsg.
#pragma once

#include <span>
#include <switchboard/bytes.hpp>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard::detail {

inline constexpr std::size_t kMostRights = 253;  // in one message; Linux's SCM_MAX_FD

// Like send(2): returns how many of `bytes` were sent. `bytes` must not be empty; the descriptors go with the
// first byte.
Result<std::size_t> send_rights(int socket, Bytes bytes, std::span<const int> descriptors);
// Like recv(2). The received descriptors are made close-on-exec and appended to `received`, also if the call
// fails because the process has no descriptors left for others.
Result<std::size_t> receive_rights(int socket, MutableBytes into, std::vector<Socket>& received);

}  // namespace switchboard::detail
