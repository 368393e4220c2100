// Measures the use of a process and its children: CPU time, context switches, memory, descriptors.
#pragma once

#include <sys/types.h>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchboard::bench {

// Returns "NAME:   123 kB" of /proc/PID/status in bytes. Nullopt if the line is missing.
std::optional<std::size_t> parse_status(std::string_view text, std::string_view name);
// The same for a process: VmRSS is the resident memory, VmHWM its maximum. 0 if it has ended.
std::size_t status_bytes(pid_t pid, std::string_view name);
std::size_t count_descriptors(pid_t pid);  // 0 if it has ended

// CPU seconds in two accounts. `total` is the scheduler's, precise to the nanosecond (reaped children: 10
// ms). The kernel's tick samples user and system time a few hundred times a second, so only the share of
// user_ticks in ticks is useful, and only over some seconds. Only differences of two readings mean anything.
struct CpuTime {
    double total = 0;
    double user_ticks = 0;
    double ticks = 0;  // user and system
};
CpuTime operator-(const CpuTime& later, const CpuTime& earlier) noexcept;
CpuTime operator*(const CpuTime& time, double part) noexcept;

// Returns `root` and its living descendants, parents first; empty if it has ended.
std::vector<pid_t> process_tree(pid_t root);

// Reads the CPU clocks of `root` and its descendants, including threads and reaped children.
class CpuMeter {
public:
    explicit CpuMeter(pid_t root) : root_(root) { find_processes(); }

    // Looks for new and ended processes. Slow (reads /proc), so do not call it at the start of a window,
    // where the generator must not stop. The time of a new process counts from its start.
    void find_processes();
    CpuTime read() const;  // takes microseconds per process

private:
    struct Process {
        pid_t pid;
        clockid_t clock;
        bool has_children;  // stays true: the times of ended children stay with it
    };
    pid_t root_;
    std::vector<Process> processes_;
};

// Returns how many CPUs `root` and its descendants can use at once: those that are allowed, at most one per
// thread; 1 if it has ended.
std::size_t most_cpus(pid_t root);

// How often threads gave up their CPU to wait, and how often they were preempted.
struct Switches {
    double voluntary = 0;
    double involuntary = 0;
};

// Parses the text of /proc/PID/task/TID/status; nullopt if it has no counts.
std::optional<Switches> parse_switches(const std::string& status);

// Counts the context switches of all threads of `root` and its descendants. The kernel has a counter and a
// file for each thread: begin() and since_begin() take some 20 microseconds per thread, so do not call them
// while a load waits.
class SwitchMeter {
public:
    explicit SwitchMeter(pid_t root) : root_(root) {}
    void begin();
    // Returns the count since begin(); a new thread counts from its start. Nullopt if there was no thread, or
    // if a thread has ended since begin(): its count is lost. A thread that came and went is not seen.
    std::optional<Switches> since_begin() const;

private:
    pid_t root_;
    std::map<pid_t, Switches> threads_;
};

// Returns the memory that the tree has written, in bytes: heap, stacks, data, and memory shared among its
// processes. A page that n processes share counts 1/n in each, so that forked children do not count their
// parent's pages again. Code and kernel memory (socket buffers, stacks in the kernel) are not included. 0 if
// the system does not report it (before Linux 5.2: Pss_Anon, man 5 proc).
std::size_t read_memory(pid_t root);

}  // namespace switchboard::bench
