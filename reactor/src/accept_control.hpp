// Whom a listener lets in, and when.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <switchboard/reactor_types.hpp>
#include <switchboard/socket.hpp>

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

// What a peer counts as: an IPv4 address is one, and so is a /64 of IPv6, of which whoever has one
// address has all. Peers without an address (unix sockets) are none.
using AddressKey = std::array<std::uint8_t, 8>;
std::optional<AddressKey> address_key(const SocketAddress& peer) noexcept;

// The limits of ListenOptions, counted over all who share it: for any thread.
class AcceptControl {
public:
    explicit AcceptControl(const ListenOptions& options);

    // As AcceptRate's.
    std::chrono::milliseconds wait(Clock::time_point now) noexcept;
    void took(Clock::time_point now) noexcept;

    enum class Verdict : std::uint8_t { welcome, full, address_full };
    // Who is welcome counts until it leaves. Where there is no memory to count it by address, it is
    // not counted there, and `key` is emptied.
    Verdict enter(std::optional<AddressKey>& key) noexcept;
    void leave(const std::optional<AddressKey>& key) noexcept;
    bool counts_addresses() const noexcept { return most_each_ > 0; }
    std::size_t addresses() const noexcept { return counts_.size(); }  // while nobody else is at it

private:
    bool enter_all() noexcept;  // whether there is room for one more
    bool enter_address(std::optional<AddressKey>& key) noexcept;  // the same; the lock is held

    const std::size_t most_, most_each_;
    const bool has_rate_;
    std::mutex mutex_;
    AcceptRate rate_;
    std::atomic<std::size_t> connections_ = 0;
    std::map<AddressKey, std::size_t> counts_;
};

}  // namespace switchboard::detail
