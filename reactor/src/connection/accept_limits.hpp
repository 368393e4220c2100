// Decides which connections a listener accepts, and when.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <switchboard/connection.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/socket.hpp>

namespace switchboard::detail {

// Limits accepts per second and spreads them evenly. At most those of a tenth of a second, and at least one,
// are allowed at once. This is the generic cell rate algorithm (ITU-T I.371, annex A), whose state is one
// point in time.
class AcceptRate {
public:
    explicit AcceptRate(std::size_t per_second) noexcept;  // 0: no limit

    // Returns zero if a connection may be accepted now, otherwise the time until then, rounded up.
    std::chrono::milliseconds wait(Clock::time_point now) const noexcept;
    void took(Clock::time_point now) noexcept;  // a connection was accepted, after wait() was zero

private:
    Clock::duration interval_{}, tolerance_{};
    Clock::time_point next_;  // when the next one is due if they are spread evenly
};

// The key that a peer is counted by: its IPv4 address, or its /64 of IPv6, because the owner of one such
// address usually has all of them. Peers without an address (unix sockets) have no key.
using AddressKey = std::array<std::uint8_t, 8>;
std::optional<AddressKey> address_key(const SocketAddress& peer) noexcept;

// ServerLimits, counted over all listeners that share this object. Threading: any thread.
class AcceptLimits {
public:
    // `count` is where the connections are counted, if it is not null.
    explicit AcceptLimits(const ServerLimits& limits, std::atomic<std::size_t>* count = nullptr);

    // Like the members of AcceptRate.
    std::chrono::milliseconds wait(Clock::time_point now) noexcept;
    void took(Clock::time_point now) noexcept;

    enum class Verdict : std::uint8_t { welcome, full, address_full };
    // A connection that is welcome counts until leave(). If memory runs out, it is not counted by address,
    // and `key` is emptied.
    Verdict enter(std::optional<AddressKey>& key) noexcept;
    void leave(const std::optional<AddressKey>& key) noexcept;
    bool counts_addresses() const noexcept { return most_each_ > 0; }
    std::size_t addresses() const noexcept { return counts_.size(); }  // not thread-safe

private:
    bool enter_all() noexcept;  // returns whether one more connection is allowed
    bool enter_address(std::optional<AddressKey>& key) noexcept;  // the same; the lock must be held

    const std::size_t most_, most_each_;
    const bool has_rate_;
    std::mutex mutex_;
    AcceptRate rate_;
    std::atomic<std::size_t> own_count_ = 0;
    std::atomic<std::size_t>& connections_;
    std::map<AddressKey, std::size_t> counts_;
};

}  // namespace switchboard::detail
