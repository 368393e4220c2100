#include "accept_limits.hpp"

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

// IPv4-mapped addresses (::ffff:0:0/96) differ only after the first 64 bits. So an IPv4 address is written as
// 0000:0000:a.b.c.d, which is not the prefix of any IPv6 unicast address (RFC 4291, section 2.5).
std::optional<AddressKey> address_key(const SocketAddress& peer) noexcept {
    AddressKey key{};
    if (peer.family() == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, peer.data(), sizeof in);
        std::memcpy(key.data() + 4, &in.sin_addr, 4);
        return key;
    }
    if (peer.family() != AF_INET6) return std::nullopt;
    sockaddr_in6 in{};
    std::memcpy(&in, peer.data(), sizeof in);
    const std::uint8_t* const bytes = in.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
        std::memcpy(key.data() + 4, bytes + 12, 4);
    } else {
        std::memcpy(key.data(), bytes, key.size());
    }
    return key;
}

AcceptLimits::AcceptLimits(const ServerLimits& limits, std::atomic<std::size_t>* count)
    : most_(limits.connections_allowed()),
      most_each_(limits.max_per_address),
      has_rate_(limits.accepts_per_second > 0),
      rate_(limits.accepts_per_second),
      connections_(count != nullptr ? *count : own_count_) {}

std::chrono::milliseconds AcceptLimits::wait(Clock::time_point now) noexcept {
    if (!has_rate_) return {};
    const std::lock_guard lock(mutex_);
    return rate_.wait(now);
}

void AcceptLimits::took(Clock::time_point now) noexcept {
    if (!has_rate_) return;
    const std::lock_guard lock(mutex_);
    rate_.took(now);
}

// Never counts more connections than there are, not even for a moment, because another thread could then
// refuse a peer.
bool AcceptLimits::enter_all() noexcept {
    std::size_t count = connections_.load(std::memory_order_relaxed);
    while (count < most_) {
        if (connections_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed))
            return true;
    }
    return false;
}

// If addresses are counted, the lock is held over both counts, so that no thread sees a count that is taken
// back.
AcceptLimits::Verdict AcceptLimits::enter(std::optional<AddressKey>& key) noexcept {
    if (!counts_addresses()) key.reset();
    if (!key) return enter_all() ? Verdict::welcome : Verdict::full;
    const std::lock_guard lock(mutex_);
    if (!enter_all()) return Verdict::full;
    if (enter_address(key)) return Verdict::welcome;
    connections_.fetch_sub(1, std::memory_order_relaxed);
    return Verdict::address_full;
}

bool AcceptLimits::enter_address(std::optional<AddressKey>& key) noexcept try {
    std::size_t& count = counts_[*key];
    if (count >= most_each_) return false;
    ++count;
    return true;
} catch (const std::bad_alloc&) {
    key.reset();
    return true;
}

void AcceptLimits::leave(const std::optional<AddressKey>& key) noexcept {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    if (!key) return;
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(*key);
    if (--found->second == 0) counts_.erase(found);
}

}  // namespace switchboard::detail
