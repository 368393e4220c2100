// What makes the requests of an open loop due, in real time. Linux only (man 2 timerfd_create).
#pragma once

#include <functional>
#include <memory>
#include <switchboard/connection.hpp>
#include <switchboard/error.hpp>

#include "histogram.hpp"
#include "schedule.hpp"

struct uv_loop_s;

namespace switchboard::bench {

// A timer of the system's own, to the nanosecond: the reactor's count in milliseconds, and a server
// answers in a fraction of one.
class Pacer {
public:
    // For each arrival of `schedule`, `due` is called on the loop's thread with the time it was due at:
    // never early, none left out. Whoever is behind is told of many in a row. Fails where there is no
    // descriptor for a timer. The loop must run once more after the destructor.
    static Result<std::unique_ptr<Pacer>> make(uv_loop_s* loop, const Schedule& schedule,
                                               std::function<void(Clock::time_point)> due);
    ~Pacer();
    Pacer(const Pacer&) = delete;
    Pacer& operator=(const Pacer&) = delete;

    void start();
    void stop();
    void tell_until(Clock::time_point end);  // what is due before that and was not told yet
    // How long after its time each was told, in nanoseconds: the error of the generator, which is part
    // of every latency of an open loop.
    const Histogram& lateness() const noexcept { return lateness_; }
    void reset_lateness() { lateness_.reset(); }

private:
    struct Timer;

    Pacer(const Schedule& schedule, std::function<void(Clock::time_point)> due);
    void tell();
    bool tell_one(Clock::time_point now);  // false: the next is not due yet
    void arm();

    Schedule schedule_;
    std::function<void(Clock::time_point)> due_;
    Timer* timer_ = nullptr;  // libuv's, until its close callback
    Clock::time_point began_{};
    Histogram lateness_;
};

}  // namespace switchboard::bench
