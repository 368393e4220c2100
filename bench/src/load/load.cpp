#include "load/load.hpp"

#include <algorithm>
#include <utility>

#include "load/client.hpp"

namespace switchboard::bench {
namespace {

std::uint64_t nanoseconds(Clock::duration time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
}

}  // namespace

Load::Load(const Pace& pace, std::function<Clock::time_point()> clock)
    : pace_(pace), clock_(std::move(clock)) {}

void Load::start() {
    started_ = true;
    for (const Place& place : places_) {
        if (place.open != nullptr) place.open->start();
    }
    if (pace_.open_loop) return;
    const auto now = clock_();
    for (const std::size_t number : std::exchange(free_, {})) send_next(number, now);
}

void Load::due(Clock::time_point when) {
    if (in_window(when)) {
        ++tally_.due;
        ++awaited_;
    }
    while (!free_.empty()) {
        const std::size_t number = free_.front();
        free_.pop_front();
        if (send_next(number, when)) return;
    }
    waiting_.push_back(when);
}

void Load::ready(std::size_t number, Clock::time_point now) {
    if (stopped_ || ended_ || pace_.depth == 0) return;
    if (!started_ || (pace_.open_loop && waiting_.empty())) {
        free_.push_back(number);
        return;
    }
    if (!pace_.open_loop) {
        send_next(number, now);
    } else if (send_next(number, waiting_.front())) {
        waiting_.pop_front();
    }
}

// Returns false if the connection has failed.
bool Load::send_next(std::size_t number, Clock::time_point due) {
    if (LoadClient* client = places_[number].open; client != nullptr) {
        client->send_next(due);
        return true;
    }
    if (pace_.per_connection == 0) return false;
    places_[number].reopening = due;
    on_reopen(number, due);
    return true;
}

void Load::open_window(Clock::duration length, std::uint64_t exchanges) {
    tally_.exchanges = tally_.served = tally_.bytes = 0;
    tally_.due = tally_.unanswered = awaited_ = 0;
    tally_.starved = 0;
    slowest_ = {};
    last_before_end_ = {};
    tally_.latency.reset();
    tally_.uncorrected.reset();
    ++window_;
    most_exchanges_ = exchanges;
    window_began_ = clock_();
    window_ends_ = window_began_ + length;
}

// Called for a reply after the window's end. It is not counted, but it was received.
bool Load::end_window_by(std::size_t number, Clock::time_point now) {
    const auto before = std::exchange(served_[number].at, now);
    if (ended_) return false;
    last_before_end_ = before;
    end_window();
    if (on_window_end) on_window_end();
    return false;
}

void Load::end_window() {
    if (ended_) return;
    ended_ = true;
    for (const Place& place : places_) {
        if (place.open != nullptr) place.open->window_ended();
    }
}

std::uint64_t Load::in_flight() const noexcept {
    std::uint64_t all = 0;
    for (std::size_t number = 0; number < places_.size(); ++number) {
        const Place& place = places_[number];
        if (served_[number].window != window_) continue;
        if (place.open != nullptr) all += place.open->in_flight();
        if (place.reopening != kNobody) ++all;
    }
    return all;
}

Clock::time_point Load::cut_window() {
    window_ends_ = std::min(window_ends_, std::max(last_end_, window_began_));
    return window_ends_;
}

void Load::give_up() {
    const auto now = clock_();
    if (!pace_.open_loop) tally_.unanswered += in_flight();
    for (const auto due : std::exchange(waiting_, {})) count_unanswered({due, due}, now);
    for (Place& place : places_) {
        if (place.open != nullptr) place.open->give_up();
        if (place.reopening == kNobody) continue;
        const auto due = std::exchange(place.reopening, kNobody);
        count_unanswered({due, due}, now);
    }
}

void Load::count_starved() {
    const auto now = clock_();
    const auto least = std::max((now - window_began_) / 2, 2 * slowest_);
    // A short standstill of the whole server only counts in the latency: another process may have caused it.
    constexpr std::chrono::seconds kStandstill{1};
    auto last_reply = last_before_end_;
    for (const Served& served : served_) {
        if (served.at < window_ends_) last_reply = std::max(last_reply, served.at);
    }
    const bool serves_others = now - last_reply < least;
    for (std::size_t number = 0; number < places_.size(); ++number) {
        const auto waited = now - served_[number].at;
        if (!is_there(number) || served_[number].window != window_ || waited < least) continue;
        if (serves_others || waited >= kStandstill) ++tally_.starved;
        if (tally_.latency.count() > 0) tally_.latency.record(nanoseconds(waited));
    }
}

void Load::opened(LoadClient& client) {
    const std::size_t number = client.number();
    if (number >= places_.size()) {
        places_.resize(number + 1);
        served_.resize(number + 1);
    }
    places_[number] = {&client, kNobody};
    ++tally_.connected;
    ++connects_ended_;
}

void Load::closed(LoadClient& client, bool was_open) {
    if (was_open) {
        failed(client);
    } else {
        ++connects_ended_;
    }
}

void Load::failed(LoadClient& client) {
    Place& place = places_[client.number()];
    if (place.open != &client) return;
    place.open = nullptr;
    last_end_ = clock_();
}

// In an open loop, the next due request tries again. In a closed loop, nothing would limit the attempts.
void Load::lose_reopening(std::size_t number) {
    if (number >= places_.size() || places_[number].reopening == kNobody) return;
    const auto due = std::exchange(places_[number].reopening, kNobody);
    const auto now = clock_();
    count_unanswered({due, due}, now);
    if (pace_.open_loop && !stopped_) free_.push_back(number);
}

bool Load::is_alive() const noexcept {
    for (std::size_t number = 0; number < places_.size(); ++number) {
        if (is_there(number)) return true;
    }
    return false;
}

bool Load::is_there(std::size_t number) const noexcept {
    return places_[number].open != nullptr || places_[number].reopening != kNobody;
}

void Load::answered_first() {
    ++tally_.answered;
    ++decided_;
}

void Load::count_served(std::size_t number, Clock::time_point now) {
    Served& served = served_[number];
    if (served.at != Clock::time_point{}) slowest_ = std::max(slowest_, now - served.at);
    served.at = now;
    if (served.window == window_) return;
    served.window = window_;
    ++tally_.served;
}

bool Load::count_reply(std::size_t number, const Request& request, Clock::time_point now) {
    if (pace_.open_loop) {
        count_due_reply(number, request, now);
        return true;
    }
    if (ended_ || now >= window_ends_) return end_window_by(number, now);
    tally_.latency.record(nanoseconds(now - request.due));
    count_served(number, now);
    return ++tally_.exchanges < most_exchanges_ || end_window_by(number, now);
}

void Load::count_due_reply(std::size_t number, const Request& request, Clock::time_point now) {
    if (in_window(now)) {
        ++tally_.exchanges;
        count_served(number, now);
    }
    if (!in_window(request.due)) return;
    tally_.latency.record(nanoseconds(now - request.due));
    tally_.uncorrected.record(nanoseconds(now - request.sent));
    count_awaited(now);
}

void Load::count_awaited(Clock::time_point now) {
    --awaited_;
    if (awaited_ == 0 && now >= window_ends_ && on_all_answered) on_all_answered();
}

bool Load::count_passed(std::size_t number, std::uint64_t count, Clock::time_point now) {
    if (pace_.open_loop) {
        if (in_window(now)) count_served(number, now);
        return true;
    }
    if (ended_ || now >= window_ends_) return end_window_by(number, now);
    tally_.exchanges += count;
    count_served(number, now);
    return tally_.exchanges < most_exchanges_ || end_window_by(number, now);
}

void Load::count_unanswered(const Request& request, Clock::time_point now) {
    if (!pace_.open_loop || !in_window(request.due)) return;
    tally_.latency.record(nanoseconds(now - request.due));
    tally_.uncorrected.record(nanoseconds(now - request.sent));
    ++tally_.unanswered;
    count_awaited(now);
}

void Load::count_failure(Failure failure, const std::string& message, bool decides) {
    if (decides) ++decided_;
    ++tally_.failed;
    ++tally_.failures[static_cast<std::size_t>(failure)];
    if (failure == Failure::other && tally_.first_failure.empty()) tally_.first_failure = message;
}

void Load::never_started(std::size_t number, const std::string& message) {
    const bool decides = number >= places_.size() || places_[number].reopening == kNobody;
    ++connects_ended_;
    count_failure(Failure::other, message, decides);
    lose_reopening(number);
}

}  // namespace switchboard::bench
