// The order in which to try the addresses of a name: RFC 6724, section 6.
#pragma once

#include <optional>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard::detail {

// A destination, and the source address that the system would use for it; nullopt if it is not reachable.
struct Candidate {
    SocketAddress destination;
    std::optional<SocketAddress> source;
};

// Applies rules 1, 2, 5, 6, 8, 9 and 10. Rule 9 is for IPv6 only, because among IPv4 addresses it would undo
// the round robin of the name server. POSIX does not provide what rules 3, 4 and 7 need.
void sort_by_preference(std::vector<Candidate>& candidates);

// The same with the source addresses of the system. Sends no packet.
std::vector<SocketAddress> in_order(const std::vector<SocketAddress>& addresses);

}  // namespace switchboard::detail
