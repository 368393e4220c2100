#include "load.hpp"

#include <algorithm>
#include <utility>

#include "load_client.hpp"

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
    for (const std::size_t number : std::exchange(free_, {})) give(number, now);
}

void Load::due(Clock::time_point when) {
    if (in_window(when)) {
        ++tally_.due;
        ++awaited_;
    }
    while (!free_.empty()) {
        const std::size_t number = free_.front();
        free_.pop_front();
        if (give(number, when)) return;
    }
    waiting_.push_back(when);
}

void Load::offer(std::size_t number, Clock::time_point now) {
    if (stopped_ || pace_.depth == 0) return;
    if (!started_ || (pace_.open_loop && waiting_.empty())) {
        free_.push_back(number);
        return;
    }
    if (!pace_.open_loop) {
        give(number, now);
    } else if (give(number, waiting_.front())) {
        waiting_.pop_front();
    }
}

// False where its connection has failed: nobody is there.
bool Load::give(std::size_t number, Clock::time_point due) {
    if (LoadClient* client = places_[number].open; client != nullptr) {
        client->give(due);
        return true;
    }
    if (pace_.per_connection == 0) return false;
    places_[number].reopening = due;
    on_reopen(number, due);
    return true;
}

void Load::open_window(Clock::duration length, std::uint64_t exchanges) {
    tally_.exchanges = tally_.served = 0;
    tally_.due = tally_.unanswered = awaited_ = 0;
    tally_.stuck = 0;
    slowest_ = {};
    tally_.latency.reset();
    tally_.uncorrected.reset();
    ++window_;
    most_exchanges_ = exchanges;
    window_began_ = clock_();
    window_ends_ = window_began_ + length;
}

// By a reply to this connection, which is not counted, and yet came.
bool Load::end_window(std::size_t number, Clock::time_point now) {
    served_[number].at = now;
    stop();
    if (on_window_end) on_window_end();
    return false;
}

void Load::give_up() {
    const auto now = clock_();
    for (const auto due : std::exchange(waiting_, {})) count_unanswered({due, due}, now);
    for (Place& place : places_) {
        if (place.open != nullptr) place.open->give_up();
        if (place.reopening == kNobody) continue;
        const auto due = std::exchange(place.reopening, kNobody);
        count_unanswered({due, due}, now);
    }
}

void Load::count_stuck() {
    const auto now = clock_();
    const auto least = std::max((now - window_began_) / 2, 2 * slowest_);
    const bool serves_others = now - last_reply_ < least;
    for (std::size_t number = 0; number < places_.size(); ++number) {
        const auto waited = now - served_[number].at;
        if (!is_there(number) || served_[number].window != window_ || waited < least) continue;
        if (serves_others) ++tally_.stuck;
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
    if (place.open == &client) place.open = nullptr;
}

// Of an open loop the next that is due tries again; in a closed one nothing would bound how often.
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
    served.at = last_reply_ = now;
    if (served.window == window_) return;
    served.window = window_;
    ++tally_.served;
}

bool Load::count_reply(std::size_t number, const Asked& asked, Clock::time_point now) {
    if (pace_.open_loop) {
        count_due_reply(number, asked, now);
        return true;
    }
    if (now >= window_ends_) return end_window(number, now);
    tally_.latency.record(nanoseconds(now - asked.due));
    count_served(number, now);
    return ++tally_.exchanges < most_exchanges_ || end_window(number, now);
}

void Load::count_due_reply(std::size_t number, const Asked& asked, Clock::time_point now) {
    if (in_window(now)) {
        ++tally_.exchanges;
        count_served(number, now);
    }
    if (!in_window(asked.due)) return;
    tally_.latency.record(nanoseconds(now - asked.due));
    tally_.uncorrected.record(nanoseconds(now - asked.sent));
    settle_one(now);
}

void Load::settle_one(Clock::time_point now) {
    --awaited_;
    if (awaited_ == 0 && now >= window_ends_ && on_settled) on_settled();
}

bool Load::count_passed(std::size_t number, std::uint64_t count, Clock::time_point now) {
    if (pace_.open_loop) {
        if (in_window(now)) count_served(number, now);
        return true;
    }
    if (now >= window_ends_) return end_window(number, now);
    tally_.exchanges += count;
    count_served(number, now);
    return tally_.exchanges < most_exchanges_ || end_window(number, now);
}

void Load::count_unanswered(const Asked& asked, Clock::time_point now) {
    if (!pace_.open_loop || !in_window(asked.due)) return;
    tally_.latency.record(nanoseconds(now - asked.due));
    tally_.uncorrected.record(nanoseconds(now - asked.sent));
    ++tally_.unanswered;
    settle_one(now);
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
