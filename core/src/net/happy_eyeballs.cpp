#include "happy_eyeballs.hpp"

#include <algorithm>

#include "base/deadline.hpp"
#include "connect_errors.hpp"

namespace switchboard::detail {
namespace {

// Alternates the families, starting with `first`.
std::vector<SocketAddress> interleave(const std::vector<SocketAddress>& addresses, int first) {
    std::vector<SocketAddress> turns[2];
    for (const SocketAddress& a : addresses) turns[a.family() == first ? 0 : 1].push_back(a);
    std::vector<SocketAddress> all;
    for (std::size_t i = 0; all.size() < addresses.size(); ++i) {
        for (const auto& turn : turns)
            if (i < turn.size()) all.push_back(turn[i]);
    }
    return all;
}

}  // namespace

AttemptPlan::AttemptPlan(Endpoint endpoint, std::chrono::milliseconds delay,
                         const std::optional<Endpoint>& from)
    : endpoint_(std::move(endpoint)), tried_(connect_attempt(endpoint_, from)), delay_(delay) {}

void AttemptPlan::add(const std::vector<SocketAddress>& addresses) {
    const auto untried = addresses_.begin() + static_cast<std::ptrdiff_t>(next_);
    std::vector<SocketAddress> rest(untried, addresses_.end());
    rest.insert(rest.end(), addresses.begin(), addresses.end());
    if (rest.empty()) return;
    const auto takes_turn = [&](const SocketAddress& a) {
        return next_ == 0 || a.family() != addresses_[next_ - 1].family();
    };
    const auto next = std::find_if(rest.begin(), rest.end(), takes_turn);
    const int first = (next != rest.end() ? *next : rest.front()).family();
    addresses_.erase(untried, addresses_.end());
    for (const SocketAddress& a : interleave(rest, first)) addresses_.push_back(a);
}

TimePoint AttemptPlan::due() const noexcept {
    return next_ < addresses_.size() ? due_ : TimePoint::max();
}

const SocketAddress& AttemptPlan::start(TimePoint now) {
    due_ = deadline_after(now, delay_);
    return addresses_[next_++];
}

void AttemptPlan::failed(const SocketAddress& address, std::error_code why) {
    failures_.emplace_back(&address, why);
    due_ = TimePoint::min();
}

void AttemptPlan::postpone(TimePoint now) {
    --next_;
    due_ = now + pause_;
    pause_ = std::min(2 * pause_, kMostPause);
}

Error AttemptPlan::error() const {
    return error_of(failures_);
}

Error AttemptPlan::timed_out() const {
    Failures all = failures_;
    for (std::size_t i = 0; i < next_; ++i) {
        const auto* const address = &addresses_[i];
        const bool ended = std::any_of(failures_.begin(), failures_.end(),
                                       [&](const auto& f) { return f.first == address; });
        if (!ended) all.emplace_back(address, errc::connect_timed_out);
    }
    if (all.empty()) return {errc::connect_timed_out, tried_};
    return error_of(all);
}

// The code is that of the last failure. Error::message() appends its text.
Error AttemptPlan::error_of(const Failures& failures) const {
    std::string tried = tried_;
    const char* between = ": ";
    for (const auto& [address, why] : failures) {
        const Endpoint at = Endpoint::from(*address);
        const bool named = endpoint_.kind() == Endpoint::Kind::tcp && endpoint_.host() != at.host();
        if (named) tried += std::exchange(between, "; ") + at.host();
        const bool last = address == failures.back().first;
        if (named && !last) tried += ": " + Error(why).message();
    }
    return {failures.back().second, tried};
}

}  // namespace switchboard::detail
