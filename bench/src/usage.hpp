// What a server uses: CPU, context switches and memory of a process and all its descendants. Linux
// only (man 5 proc).
#pragma once

#include <sys/types.h>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace switchboard::bench {

// CPU seconds, in two accounts: `total` is the scheduler's, to the nanosecond (but for reaped children:
// 10 ms); the kernel's tick samples whether it is user or system, a few hundred times a second, so
// only the share of user_ticks in ticks is of use, and only over some seconds. Differences of two
// readings are what has a meaning.
struct CpuTime {
    double total = 0;
    double user_ticks = 0;
    double ticks = 0;  // user and system
};
CpuTime operator-(const CpuTime& later, const CpuTime& earlier) noexcept;
CpuTime operator*(const CpuTime& time, double part) noexcept;

// `root` and its living descendants, parents first; empty when it is gone.
std::vector<pid_t> process_tree(pid_t root);

// Reads the CPU clocks of `root` and its descendants, threads and reaped children included.
class CpuMeter {
public:
    explicit CpuMeter(pid_t root) : root_(root) { find_processes(); }

    // Looks for processes that came or went since; slow (reads /proc), so not at the start of a
    // window, where the generator must not stand still. What a new one has used counts whole.
    void find_processes();
    CpuTime read() const;  // microseconds a process

private:
    struct Process {
        pid_t pid;
        clockid_t clock;
        bool has_children;  // once true always true: the times of those that ended stay with it
    };
    pid_t root_;
    std::vector<Process> processes_;
};

// How many CPUs `root` and its descendants can use at once: those that it may, and no more than there are
// threads; 1 where it is gone.
std::size_t most_cpus(pid_t root);

// How often threads gave up their CPU to wait, and how often it was taken from them.
struct Switches {
    double voluntary = 0;
    double involuntary = 0;
};

// Of the text of /proc/PID/task/TID/status; nullopt when it does not tell.
std::optional<Switches> parse_switches(const std::string& status);

// Counts the context switches of all threads of `root` and its descendants. The kernel has a counter
// for each thread, and a file to read it from: begin() and since_begin() take some 20 microseconds a thread,
// so neither may stand where a load waits for it.
class SwitchMeter {
public:
    explicit SwitchMeter(pid_t root) : root_(root) {}
    void begin();
    // What has been since begin(); a thread that came since counts whole. Nullopt when there was none, or one
    // that was there has ended: its count is gone with it. Of one that came and went nothing is known.
    std::optional<Switches> since_begin() const;

private:
    pid_t root_;
    std::map<pid_t, Switches> threads_;
};

// Memory that it has written, in bytes, summed over the tree: heap, stacks, data and what is shared among
// its processes. A page that n of them share counts 1/n in each, so that forked children do not count
// their parent's pages again. Neither code nor kernel memory (socket buffers, stacks in the kernel) is in
// it. 0 where the system does not tell (before Linux 5.2: Pss_Anon, man 5 proc).
std::size_t read_memory(pid_t root);

}  // namespace switchboard::bench
