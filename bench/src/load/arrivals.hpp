// The times at which the requests of an open loop are due, and the timer for them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <switchboard/connection.hpp>
#include <switchboard/error.hpp>

#include "base/histogram.hpp"

struct uv_loop_s;

namespace switchboard::bench {

// At equal distances, or like independent clients (a Poisson process: the distances are exponential).
enum class Arrivals : bool { constant, poisson };

Result<Arrivals> parse_arrivals(const std::string& text);  // "constant" or "poisson"
inline const char* to_string(Arrivals arrivals) noexcept {
    return arrivals == Arrivals::poisson ? "poisson" : "constant";
}

class Schedule {
public:
    // `per_second` is above 0; the seed is for Arrivals::poisson.
    Schedule(double per_second, Arrivals arrivals, std::uint64_t seed = 1);

    // Returns the time from the start to the next request. The first one comes one distance after the start.
    std::chrono::nanoseconds next() const noexcept;
    void advance();

private:
    double per_second_;
    Arrivals arrivals_;
    std::uint64_t count_ = 1;  // the number of the next
    double at_ = 0;            // seconds; the time of the next
    std::mt19937_64 random_;
    std::exponential_distribution<double> distance_;
};

// A system timer with nanosecond precision: the reactor's timers count in milliseconds, and a server replies
// in a fraction of one.
class Pacer {
public:
    // Calls `due` on the loop's thread for each arrival of `schedule`, with the time at which it was due:
    // never early, and without gaps. If the loop is late, several calls follow one another. Fails if no
    // descriptor is available for a timer. The loop must run once more after the destructor.
    static Result<std::unique_ptr<Pacer>> make(uv_loop_s* loop, const Schedule& schedule,
                                               std::function<void(Clock::time_point)> due);
    ~Pacer();
    Pacer(const Pacer&) = delete;
    Pacer& operator=(const Pacer&) = delete;

    void start();
    void stop();
    void fire_until(Clock::time_point end);  // calls `due` for all that is due before `end`
    // The delay of each call in nanoseconds: the error of the generator, which is part of every latency of an
    // open loop.
    const Histogram& lateness() const noexcept { return lateness_; }
    void reset_lateness() { lateness_.reset(); }

private:
    struct Timer;

    Pacer(const Schedule& schedule, std::function<void(Clock::time_point)> due);
    void fire_due();
    bool fire_one(Clock::time_point now);  // false: the next is not due yet
    void arm();

    Schedule schedule_;
    std::function<void(Clock::time_point)> due_;
    Timer* timer_ = nullptr;  // libuv's until its close callback
    Clock::time_point began_{};
    Histogram lateness_;
};

}  // namespace switchboard::bench
