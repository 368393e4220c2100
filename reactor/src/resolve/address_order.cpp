#include "address_order.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "platform/platform.hpp"

namespace switchboard::detail {
namespace {

using Bits = std::array<unsigned char, 16>;  // an IPv6 address, or IPv4 mapped into it

Bits bits(const SocketAddress& address) {
    Bits all{};
    if (address.family() == AF_INET) {
        sockaddr_in ipv4;
        std::memcpy(&ipv4, address.data(), sizeof ipv4);
        all[10] = all[11] = 0xff;
        std::memcpy(all.data() + 12, &ipv4.sin_addr, 4);
    } else {
        sockaddr_in6 ipv6;
        std::memcpy(&ipv6, address.data(), sizeof ipv6);
        std::memcpy(all.data(), &ipv6.sin6_addr, 16);
    }
    return all;
}

unsigned common_prefix(const Bits& a, const Bits& b) {
    unsigned length = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const auto differs = static_cast<unsigned char>(a[i] ^ b[i]);
        length += static_cast<unsigned>(std::countl_zero(differs));
        if (differs != 0) break;
    }
    return length;
}

// Section 2.1, the default policy table. The longest matching prefix counts.
struct Policy {
    Bits prefix;
    unsigned length;
    int precedence, label;
};
constexpr Policy kPolicies[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, 50, 0},  // ::1
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 35, 4},         // ::ffff:0:0, IPv4
    {{}, 96, 1, 3},                                                  // IPv4-compatible
    {{0x20, 0x01}, 32, 5, 5},                                        // Teredo
    {{0x20, 0x02}, 16, 30, 2},                                       // 6to4
    {{0x3f, 0xfe}, 16, 1, 12},                                       // 6bone
    {{0xfe, 0xc0}, 10, 1, 11},                                       // location-local
    {{0xfc}, 7, 3, 13},                                              // unique local
    {{}, 0, 40, 1},
};

const Policy& policy(const Bits& address) {
    return *std::find_if(std::begin(kPolicies), std::end(kPolicies), [&](const Policy& p) {
        return common_prefix(p.prefix, address) >= p.length;
    });
}

// Section 3.1 and 3.2: loopback and auto-configured addresses have link scope.
unsigned scope(const Bits& a) {
    constexpr unsigned link = 2, location = 5, global = 14;
    if (a[0] == 0xff) return a[1] & 0xfU;
    const bool ipv4 = common_prefix(a, kPolicies[1].prefix) >= 96;
    if (ipv4) return a[12] == 127 || (a[12] == 169 && a[13] == 254) ? link : global;
    if (common_prefix(a, kPolicies[0].prefix) == 128) return link;
    if (a[0] == 0xfe && (a[1] & 0xc0U) == 0x80) return link;
    return a[0] == 0xfe && (a[1] & 0xc0U) == 0xc0 ? location : global;
}

// Addresses with a smaller rank are tried first.
struct Rank {
    bool unreachable = true;       // rule 1
    bool other_scope = false;      // rule 2
    bool other_label = false;      // rule 5
    int less_precedence = 0;       // rule 6; no IPv6 address has the precedence of IPv4
    unsigned scope = 0;            // rule 8
    unsigned differing_bits = 64;  // rule 9
    auto operator<=>(const Rank&) const = default;
};

Rank rank(const Candidate& candidate) {
    Rank r;
    const Bits to = bits(candidate.destination);
    r.less_precedence = -policy(to).precedence;
    r.scope = scope(to);
    r.unreachable = !candidate.source;
    if (r.unreachable) return r;
    const Bits from = bits(*candidate.source);
    r.other_scope = scope(from) != r.scope;
    r.other_label = policy(from).label != policy(to).label;
    const bool ipv6 = candidate.destination.family() == AF_INET6;
    if (ipv6) r.differing_bits -= std::min(common_prefix(from, to), r.differing_bits);
    return r;
}

// connect(2) on a datagram socket chooses a route and a source address, and sends nothing.
std::optional<SocketAddress> source_for(const SocketAddress& destination) {
    const Socket socket(platform::open_socket(destination.family(), SOCK_DGRAM, false));
    SocketAddress source;
    if (!socket || ::connect(socket.fd(), destination.data(), destination.size()) != 0 ||
        ::getsockname(socket.fd(), source.data(), source.capacity()) != 0) {
        return std::nullopt;
    }
    return source;
}

}  // namespace

void sort_by_preference(std::vector<Candidate>& candidates) {
    std::vector<std::pair<Rank, Candidate>> ranked;
    ranked.reserve(candidates.size());
    for (const Candidate& c : candidates) ranked.emplace_back(rank(c), c);
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < ranked.size(); ++i) candidates[i] = ranked[i].second;
}

std::vector<SocketAddress> in_order(const std::vector<SocketAddress>& addresses) {
    if (addresses.size() < 2) return addresses;
    std::vector<Candidate> candidates;
    candidates.reserve(addresses.size());
    for (const SocketAddress& a : addresses) candidates.push_back({a, source_for(a)});
    sort_by_preference(candidates);
    std::vector<SocketAddress> ordered;
    ordered.reserve(candidates.size());
    for (const Candidate& c : candidates) ordered.push_back(c.destination);
    return ordered;
}

}  // namespace switchboard::detail
