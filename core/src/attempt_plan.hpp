// Which address of a name to try, and when: RFC 8305 (Happy Eyeballs), sections 4 and 5. No socket and
// no clock in here: the blocking connect() and the reactor's are driven by the same plan.
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
    // `from` is for the errors.
    AttemptPlan(Endpoint endpoint, std::chrono::milliseconds delay,
                const std::optional<Endpoint>& from = {});
    AttemptPlan(AttemptPlan&&) = default;  // a copy's failures would point into the original
    AttemptPlan& operator=(AttemptPlan&&) = default;

    // More addresses, in the order of RFC 6724; also while attempts run (RFC 8305, section 3).
    // Of what is not tried yet the families take turns; else the order stays.
    void add(const std::vector<SocketAddress>& addresses);
    // When the next attempt is to start: max() if no address is left.
    TimePoint due() const noexcept;
    // The address to start with now, which stays where it is. The one after it is due a delay later.
    const SocketAddress& start(TimePoint now);
    // That attempt ended so: the next one is due at once.
    void failed(const SocketAddress& address, std::error_code why);
    // The attempt that was started last could not begin yet, and is due again after a pause that grows
    // from 1 to 50 ms.
    void postpone(TimePoint now);
    bool has_addresses() const noexcept { return !addresses_.empty(); }
    bool all_failed() const noexcept { return failures_.size() == addresses_.size(); }
    // What became of it, with the code of the attempt that ended last: "connect tcp://name:80:
    // 192.0.2.1: connect timed out; 2001:db8::1: network is unreachable".
    Error error() const;
    Error timed_out() const;  // the same, with those under way

private:
    using Failures = std::vector<std::pair<const SocketAddress*, std::error_code>>;
    Error error_of(const Failures& failures) const;

    Endpoint endpoint_;
    std::string tried_;
    std::deque<SocketAddress> addresses_;  // in which what was started stays where it is
    std::chrono::milliseconds delay_, pause_ = kFirstPause;
    std::size_t next_ = 0;
    TimePoint due_ = TimePoint::min();
    Failures failures_;  // in the order they came
};

}  // namespace switchboard::detail
