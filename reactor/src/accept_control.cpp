#include "accept_control.hpp"

#include <netinet/in.h>
#include <algorithm>
#include <cstring>

namespace switchboard::detail {

using namespace std::chrono_literals;

AcceptRate::AcceptRate(std::size_t per_second) noexcept {
    if (per_second == 0) return;
    interval_ = Clock::duration(1s) / static_cast<std::int64_t>(std::min<std::size_t>(
                                          per_second, Clock::duration(1s).count()));
    tolerance_ = std::max(Clock::duration(100ms) - interval_, Clock::duration::zero());
}

std::chrono::milliseconds AcceptRate::wait(Clock::time_point now) const noexcept {
    const auto until = next_ - tolerance_ - now;
    return std::chrono::ceil<std::chrono::milliseconds>(std::max(until, Clock::duration::zero()));
}

void AcceptRate::took(Clock::time_point now) noexcept {
    next_ = std::max(next_, now) + interval_;
}

// IPv4 as ::ffff:0:0/96 would not do, as its addresses differ past the first 64 bits; so it is written
// as 0000:0000:a.b.c.d, which no IPv6 unicast prefix is (RFC 4291, section 2.5).
bool AddressCounts::key_of(const SocketAddress& peer, Key& key) noexcept {
    if (peer.family() == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, peer.data(), sizeof in);
        key = {};
        std::memcpy(key.data() + 4, &in.sin_addr, 4);
        return true;
    }
    if (peer.family() != AF_INET6) return false;
    sockaddr_in6 in{};
    std::memcpy(&in, peer.data(), sizeof in);
    const std::uint8_t* const bytes = in.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
        key = {};
        std::memcpy(key.data() + 4, bytes + 12, 4);
    } else {
        std::memcpy(key.data(), bytes, key.size());
    }
    return true;
}

bool AddressCounts::is_full(const SocketAddress& peer) const noexcept {
    Key key;
    if (!key_of(peer, key)) return false;
    const auto found = counts_.find(key);
    return found != counts_.end() && found->second >= most_;
}

void AddressCounts::enter(std::uint32_t slot, const SocketAddress& peer) noexcept {
    Key key;
    if (!key_of(peer, key)) return;
    try {
        const auto count = counts_.try_emplace(key, 0).first;
        ++count->second;
        try {
            by_slot_.emplace(slot, count);
        } catch (...) {
            if (--count->second == 0) counts_.erase(count);
        }
    } catch (...) {
    }
}

void AddressCounts::leave(std::uint32_t slot) noexcept {
    const auto found = by_slot_.find(slot);
    if (found == by_slot_.end()) return;
    if (--found->second->second == 0) counts_.erase(found->second);
    by_slot_.erase(found);
}

}  // namespace switchboard::detail
