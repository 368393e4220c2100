// Decides which address of a name to try, and when: RFC 8305 (Happy Eyeballs), sections 4 and 5. It has no
// socket and no clock, so the blocking connect() and the reactor use the same plan.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <switchboard/endpoint.hpp>
#include <switchboard/socket.hpp>
#include <utility>
#include <vector>

namespace switchboard::detail {

using TimePoint = std::chrono::steady_clock::time_point;

inline constexpr std::chrono::milliseconds kAttemptDelay{250}, kLeastAttemptDelay{10};

inline constexpr std::chrono::milliseconds kFirstPause{1}, kMostPause{50};

class AttemptPlan {
public:
    // `from` is used in error messages only.
    AttemptPlan(Endpoint endpoint, std::chrono::milliseconds delay,
                const std::optional<Endpoint>& from = {});
    AttemptPlan(AttemptPlan&&) = default;  // no copy: its failures would point into the original
    AttemptPlan& operator=(AttemptPlan&&) = default;

    // Adds addresses, which must be in the order of RFC 6724. May be called while attempts run (RFC 8305,
    // section 3). Among the addresses that are not tried yet the families alternate; otherwise the order is
    // kept.
    void add(const std::vector<SocketAddress>& addresses);
    // When the next attempt must start; max() if no address is left.
    TimePoint due() const noexcept;
    // Returns the address to try now; the reference stays valid. The next attempt is due after the delay.
    const SocketAddress& start(TimePoint now);
    // The attempt at `address` has failed. The next attempt is due at once.
    void failed(const SocketAddress& address, std::error_code why);
    // The attempt that was started last could not begin. It is due again after a pause, which grows from 1 to
    // 50 ms.
    void postpone(TimePoint now);
    bool has_addresses() const noexcept { return !addresses_.empty(); }
    bool all_failed() const noexcept { return failures_.size() == addresses_.size(); }
    // The error of all attempts, with the code of the attempt that ended last: "connect tcp://name:80:
    // 192.0.2.1: connect timed out; 2001:db8::1: network is unreachable".
    Error error() const;
    Error timed_out() const;  // the same; attempts still in progress count as timed out

private:
    using Failures = std::vector<std::pair<const SocketAddress*, std::error_code>>;
    Error error_of(const Failures& failures) const;

    Endpoint endpoint_;
    std::string tried_;
    std::deque<SocketAddress> addresses_;  // a deque: references to started addresses stay valid
    std::chrono::milliseconds delay_, pause_ = kFirstPause;
    std::size_t next_ = 0;
    TimePoint due_ = TimePoint::min();
    Failures failures_;  // in order of time
};

}  // namespace switchboard::detail
