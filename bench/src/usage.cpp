#include "usage.hpp"

#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "files.hpp"

// How server CPU is measured, and why.
//
// /proc/PID/stat counts in ticks of 10 ms: too coarse, a process per connection may use less than
// one of them in a window. The CPU clock of a process (man 3 clock_getcpuclockid) is the
// scheduler's own account in nanoseconds, of all its threads, those that ended included. Summed
// over the living processes it lacks those that ended; once reaped they stand in their parent's
// children's times (cutime, cstime), in ticks of 10 ms. The sum of both is conserved when a process
// ends, whenever that is, so the difference of two readings is right; the coarse part only moves if
// a child ends within the window, which in a closed loop with all connections open none does. A
// process that a child of the root forks and reaps, which had none when it was looked at, is missed.
//
// The scheduler does not tell user from system; the tick does, by sampling. The kernel scales those
// samples to the precise total in /proc, and so do we: the share is theirs, the total is precise. A
// CPU clock's id holds what it counts in its two lowest bits: 0 user and system ticks, 1 user
// ticks, 2 the scheduler's account (linux/posix-timers.h). Reading them so, not from /proc, keeps
// the parts of a tick that /proc rounds away in each of a thousand processes.
namespace switchboard::bench {
namespace {

namespace fs = std::filesystem;

enum CpuClock : clockid_t { kTicks = 0, kUserTicks = 1, kPrecise = 2 };

double read_clock(clockid_t process, CpuClock which) {
    timespec used{};
    if (clock_gettime((process & ~clockid_t{3}) | which, &used) != 0) return 0;
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

struct ChildTimes {
    double user = 0, system = 0;
};

ChildTimes read_reaped(pid_t pid) {
    const std::string text = read_text("/proc/" + std::to_string(pid) + "/stat");
    std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
    std::string skipped;
    for (int field = 3; field < 16; ++field) fields >> skipped;  // cutime is the 16th
    ChildTimes times;
    fields >> times.user >> times.system;
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    return {times.user / ticks, times.system / ticks};
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> found;
    std::error_code gone;
    const fs::path tasks = "/proc/" + std::to_string(pid) + "/task";
    for (fs::directory_iterator task(tasks, gone), end; !gone && task != end;
         task.increment(gone)) {
        std::ifstream children(task->path() / "children");
        for (pid_t child = 0; children >> child;) found.push_back(child);
    }
    return found;
}

struct Node {
    pid_t pid;
    bool has_children;
};

std::vector<Node> nodes_of(pid_t root) {
    std::vector<Node> nodes;
    if (fs::exists("/proc/" + std::to_string(root))) nodes.push_back({root, false});
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto children = children_of(nodes[i].pid);
        nodes[i].has_children = !children.empty();
        for (const pid_t child : children) nodes.push_back({child, false});
    }
    return nodes;
}

std::map<pid_t, Switches> switches_by_thread(pid_t root) {
    std::map<pid_t, Switches> threads;
    for (const pid_t pid : process_tree(root)) {
        std::error_code gone;
        const fs::path tasks = "/proc/" + std::to_string(pid) + "/task";
        for (fs::directory_iterator task(tasks, gone), end; !gone && task != end;
             task.increment(gone)) {
            const auto switches = parse_switches(read_text(task->path() / "status"));
            if (switches) threads[std::stoi(task->path().filename())] = *switches;
        }
    }
    return threads;
}

std::optional<double> number_after(const std::string& text, const std::string& label) {
    const auto found = text.find(label);
    if (found == std::string::npos) return std::nullopt;
    std::istringstream rest(text.substr(found + label.size(), 32));
    double number = 0;
    return rest >> number ? std::optional(number) : std::nullopt;
}

// Its own share of what it has written. Pages of files (the code) count by how many map them, be it
// others that have nothing to do with it, so that the figure would change with the neighbours.
std::size_t proportional_bytes(pid_t pid) {
    const std::string rollup = read_text("/proc/" + std::to_string(pid) + "/smaps_rollup");
    const double kib = number_after(rollup, "\nPss_Anon:").value_or(0) +
                       number_after(rollup, "\nPss_Shmem:").value_or(0);
    return static_cast<std::size_t>(kib) * 1024;
}

}  // namespace

CpuTime operator-(const CpuTime& later, const CpuTime& earlier) noexcept {
    return {later.total - earlier.total, later.user_ticks - earlier.user_ticks,
            later.ticks - earlier.ticks};
}

CpuTime operator*(const CpuTime& time, double part) noexcept {
    return {time.total * part, time.user_ticks * part, time.ticks * part};
}

std::vector<pid_t> process_tree(pid_t root) {
    std::vector<pid_t> tree;
    for (const Node& node : nodes_of(root)) tree.push_back(node.pid);
    return tree;
}

std::size_t most_cpus(pid_t root) {
    cpu_set_t allowed;
    if (sched_getaffinity(root, sizeof allowed, &allowed) != 0) return 1;
    const auto cpus = static_cast<std::size_t>(CPU_COUNT(&allowed));
    return std::max<std::size_t>(1, std::min(cpus, switches_by_thread(root).size()));
}

void CpuMeter::find_processes() {
    std::vector<Process> living;
    for (const Node& node : nodes_of(root_)) {
        const auto known = std::find_if(processes_.begin(), processes_.end(),
                                        [&](const Process& p) { return p.pid == node.pid; });
        const bool was_parent = known != processes_.end() && known->has_children;
        clockid_t clock{};
        if (clock_getcpuclockid(node.pid, &clock) != 0) continue;
        // The root may get children, and reap them, before anybody looks again.
        const bool may_reap = node.pid == root_ || was_parent || node.has_children;
        living.push_back({node.pid, clock, may_reap});
    }
    processes_ = std::move(living);
}

CpuTime CpuMeter::read() const {
    CpuTime sum;
    for (const Process& process : processes_) {
        const ChildTimes reaped = process.has_children ? read_reaped(process.pid) : ChildTimes{};
        sum.total += read_clock(process.clock, kPrecise) + reaped.user + reaped.system;
        sum.ticks += read_clock(process.clock, kTicks) + reaped.user + reaped.system;
        sum.user_ticks += read_clock(process.clock, kUserTicks) + reaped.user;
    }
    return sum;
}

std::optional<Switches> parse_switches(const std::string& status) {
    const auto voluntary = number_after(status, "\nvoluntary_ctxt_switches:");
    const auto involuntary = number_after(status, "\nnonvoluntary_ctxt_switches:");
    if (!voluntary || !involuntary) return std::nullopt;
    return Switches{*voluntary, *involuntary};
}

void SwitchMeter::begin() {
    threads_ = switches_by_thread(root_);
}

std::optional<Switches> SwitchMeter::since_begin() const {
    const auto now = switches_by_thread(root_);
    Switches sum;
    for (const auto& [thread, switches] : now) {
        sum.voluntary += switches.voluntary;
        sum.involuntary += switches.involuntary;
    }
    for (const auto& [thread, switches] : threads_) {
        if (!now.contains(thread)) return std::nullopt;
        sum.voluntary -= switches.voluntary;
        sum.involuntary -= switches.involuntary;
    }
    return now.empty() ? std::nullopt : std::optional(sum);
}

std::size_t read_memory(pid_t root) {
    std::size_t sum = 0;
    for (const pid_t pid : process_tree(root)) sum += proportional_bytes(pid);
    return sum;
}

}  // namespace switchboard::bench
