// The order in which to try the addresses of a name: RFC 6724, section 6.
#pragma once

#include <optional>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard::detail {

// A destination, and the source address the system would use to reach it, if it can be reached.
struct Candidate {
    SocketAddress destination;
    std::optional<SocketAddress> source;
};

// Rules 1, 2, 5, 6, 8, 9 (for IPv6 alone: among IPv4 addresses it would undo the round robin of the
// name's server) and 10. What 3, 4 and 7 ask, POSIX does not tell.
void sort_by_preference(std::vector<Candidate>& candidates);

// The same with the sources the system names: no packet is sent.
std::vector<SocketAddress> in_order(const std::vector<SocketAddress>& addresses);

}  // namespace switchboard::detail
