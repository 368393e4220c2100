// Whom a listener lets in, and when.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <switchboard/connection.hpp>
#include <switchboard/socket.hpp>
#include <unordered_map>

namespace switchboard::detail {

// So many a second, spread evenly: at most a tenth of a second's worth at once, and one at least. The
// generic cell rate algorithm (ITU-T I.371, annex A): one time is its whole state.
class AcceptRate {
public:
    explicit AcceptRate(std::size_t per_second) noexcept;  // 0 is no limit

    // Zero if one may come now, else how long until then, rounded up.
    std::chrono::milliseconds wait(Clock::time_point now) const noexcept;
    void took(Clock::time_point now) noexcept;  // one, that was not to wait

private:
    Clock::duration interval_{}, tolerance_{};
    Clock::time_point next_;  // when the next would come if all were spread evenly
};

// How many connections each peer has: an IPv4 address is one, and so is a /64 of IPv6, of which whoever
// has one address has all. Peers without an address (unix sockets) are not counted.
class AddressCounts {
public:
    explicit AddressCounts(std::size_t most) noexcept : most_(most) {}  // each; at least 1

    bool is_full(const SocketAddress& peer) const noexcept;
    // The connection in `slot` is from there, until it leaves. Without memory it is not counted.
    void enter(std::uint32_t slot, const SocketAddress& peer) noexcept;
    void leave(std::uint32_t slot) noexcept;  // one that was not counted is nobody
    std::size_t addresses() const noexcept { return counts_.size(); }

private:
    using Key = std::array<std::uint8_t, 8>;
    using Counts = std::map<Key, std::size_t>;
    static bool key_of(const SocketAddress& peer, Key& key) noexcept;

    std::size_t most_;
    Counts counts_;
    std::unordered_map<std::uint32_t, Counts::iterator> by_slot_;
};

}  // namespace switchboard::detail
