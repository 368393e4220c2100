// How much of the CPUs of a measurement somebody else used. Linux only (man 5 proc, /proc/stat).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "cpu_quota.hpp"

namespace switchboard::bench {

// What one CPU or several did, in seconds since the machine started; only differences mean anything.
// The kernel counts in ticks of 10 ms.
struct CpuTimes {
    double busy = 0;        // user, nice and system
    double idle = 0;        // and waiting for a disk
    double interrupts = 0;  // hard and soft
    double stolen = 0;      // by the machine that this one is a guest of
    double throttled = 0;   // of all CPUs together: see CpuQuota. Part of `idle`
};
CpuTimes operator+(const CpuTimes& a, const CpuTimes& b) noexcept;
CpuTimes operator-(const CpuTimes& later, const CpuTimes& earlier) noexcept;

// Of `cpus` together, in the text of /proc/stat. Nullopt when one has no line or it is no such line.
std::optional<CpuTimes> parse_cpu_times(std::string_view stat, const std::vector<int>& cpus);

// Whether the CPU clocks of processes count the interrupts that come while they run: kernels differ. Tried
// out once, in 20 ms of a CPU that nobody else uses meanwhile (half a second at most), by packets that are
// sent over loopback and make such interrupts. False when that is not possible.
bool clocks_count_interrupts();

// The share, in [0, 1], of `cpus` in so many seconds that others had than those who own `own` CPU seconds: of
// what was busy and of what was not idle the smaller one, less what is their own; and what a quota kept from
// these CPUs. Never more than is certain: a tick for each of `cpus`, by which the figures may be off, is left
// out, and what was throttled is no more than these CPUs were idle. The time of interrupts is nobody's, but
// where it is in `own` already.
double noise_share(CpuTimes used, double seconds, double own, std::size_t cpus,
                   bool interrupts_are_owned = false);

// Reads them at the edges of a window; some 100 microseconds each time.
class CpuNoise {
public:
    // Each of `cpus` once.
    explicit CpuNoise(std::vector<int> cpus);
    void begin();
    void end();
    // Of the window between begin() and end(), in which server and generator used `own` CPU seconds;
    // see noise_share(). Interrupts are most of them packets of the load itself: they are nobody's noise.
    // Nullopt where the system does not tell.
    std::optional<double> share(double own) const;

private:
    struct Reading {
        std::optional<CpuTimes> times;
        std::chrono::steady_clock::time_point at{};
    };
    Reading read() const;

    std::vector<int> cpus_;
    CpuQuota quota_;
    bool interrupts_are_owned_;  // are in `own` already
    Reading begin_, end_;
};

}  // namespace switchboard::bench
