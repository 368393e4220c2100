// Measures the CPU use of other processes, and the time that a quota withheld.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchboard::bench {

// Returns the files that may report throttling for the cgroup in this text of /proc/PID/cgroup and for all
// its ancestors, whose quotas apply too. Version 2 is under /sys/fs/cgroup, version 1 under
// /sys/fs/cgroup/cpu.
std::vector<std::string> quota_files(std::string_view proc_cgroup);
// Returns the seconds in a cpu.stat of either version, summed over CPUs; nullopt if it has none.
std::optional<double> parse_throttled(std::string_view cpu_stat);

// The quota of this process. Only files that were readable at first are read again (20 microseconds each).
class CpuQuota {
public:
    CpuQuota();
    // Returns the seconds since the cgroups were made, for the level that was throttled longest; 0 if no file
    // reports it. Other processes of the cgroup, on other CPUs, count too.
    double throttled() const;

private:
    std::vector<std::string> files_;
};

// What one or several CPUs did, in seconds since the machine started; only differences mean anything. The
// kernel counts in ticks of 10 ms.
struct CpuTimes {
    double busy = 0;        // user, nice and system
    double idle = 0;        // and waiting for a disk
    double interrupts = 0;  // hard and soft
    double stolen = 0;      // by the host of a virtual machine
    double throttled = 0;   // of all CPUs together, see CpuQuota; part of `idle`
};
CpuTimes operator+(const CpuTimes& a, const CpuTimes& b) noexcept;
CpuTimes operator-(const CpuTimes& later, const CpuTimes& earlier) noexcept;

// Sums over `cpus`, from the text of /proc/stat. Nullopt if the line of a CPU is missing or invalid.
std::optional<CpuTimes> parse_cpu_times(std::string_view stat, const std::vector<int>& cpus);

// Whether the CPU clocks of processes count the interrupts that arrive while they run: kernels differ. Tried
// out once, by sending packets over loopback, which causes such interrupts. This takes 20 ms of an otherwise
// unused CPU, at most half a second. False if it cannot be tried.
bool clocks_count_interrupts();

// Returns the share, in [0, 1], of `cpus` in so many seconds that went to others than the owners of the `own`
// CPU seconds: the smaller of busy and not idle time, less `own`, plus what a quota withheld from these CPUs.
// Only certain noise counts: one tick per CPU, the possible error, is subtracted, and throttled time is at
// most the idle time of these CPUs. The time of interrupts is not noise, whether or not `own` contains it.
double noise_share(CpuTimes used, double seconds, double own, std::size_t cpus,
                   bool interrupts_are_owned = false);

// Reads the times at the edges of a window, in some 100 microseconds each.
class CpuNoise {
public:
    // `cpus` has no duplicates.
    explicit CpuNoise(std::vector<int> cpus);
    void begin() { begin_ = read(); }
    void end() { end_ = read(); }
    // For the window between begin() and end(), in which server and generator used `own` CPU seconds; see
    // noise_share(). Most interrupts are packets of the load itself, so they are not noise. Nullopt if the
    // system does not report the times.
    std::optional<double> share(double own) const;

private:
    struct Reading {
        std::optional<CpuTimes> times;
        std::chrono::steady_clock::time_point at{};
    };
    Reading read() const;

    std::vector<int> cpus_;
    CpuQuota quota_;
    bool interrupts_are_owned_;  // `own` contains them already
    Reading begin_, end_;
};

}  // namespace switchboard::bench
