// Descriptors sent over a unix socket: SCM_RIGHTS, man 7 unix and man 3 cmsg.
#pragma once

#include <span>
#include <switchboard/bytes.hpp>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard::detail {

inline constexpr std::size_t kMostRights = 253;  // of one message; Linux's SCM_MAX_FD

// As send(2): what was sent of `bytes`, of which there must be some; the descriptors go with the first.
Result<std::size_t> send_rights(int socket, Bytes bytes, std::span<const int> descriptors);
// As recv(2). Those that come are appended, close-on-exec, also if it fails for want of descriptors.
Result<std::size_t> receive_rights(int socket, MutableBytes into, std::vector<Socket>& received);

}  // namespace switchboard::detail
