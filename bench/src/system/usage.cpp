#include "system/usage.hpp"

#include <fmt/core.h>
#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/cpu_clock.hpp"
#include "base/files.hpp"
#include "base/find.hpp"

// How server CPU is measured, and why.
//
// /proc/PID/stat counts in ticks of 10 ms. This is too coarse: a process per connection may use less than one
// tick in a window. The CPU clock of a process (man 3 clock_getcpuclockid) is the scheduler's own account in
// nanoseconds, for all its threads, including ended ones. The sum over the living processes lacks the ended
// ones; once reaped, they are in their parent's children's times (cutime, cstime), in ticks of 10 ms. The sum
// of both does not change when a process ends, so the difference of two readings is right. The coarse part
// only changes if a child ends within the window, which does not happen in a closed loop with all connections
// open. One case is missed: a child of the root that had no children when it was inspected, then forks a
// process and reaps it.
//
// The scheduler does not separate user from system time; the tick does, by sampling. The kernel scales those
// samples to the precise total in /proc, and so does this code: the split is sampled, the total is precise.
// The two lowest bits of a CPU clock's id select what it counts: 0 user and system ticks, 1 user ticks, 2 the
// scheduler's account (linux/posix-timers.h). Reading the clocks instead of /proc keeps the parts of a tick
// that /proc rounds away in each of a thousand processes.

namespace switchboard::bench {
namespace {

namespace fs = std::filesystem;

std::string path_of(pid_t pid, const char* what) {
    return fmt::format("/proc/{}/{}", pid, what);
}

// Lists a folder in /proc; the list ends early if the process ends.
std::vector<fs::path> entries_of(pid_t pid, const char* folder) {
    std::vector<fs::path> entries;
    std::error_code gone;
    for (fs::directory_iterator entry(path_of(pid, folder), gone), end; !gone && entry != end;
         entry.increment(gone)) {
        entries.push_back(entry->path());
    }
    return entries;
}

double read_clock(clockid_t process, int which) {
    return cpu_seconds((process & ~clockid_t{3}) | which);
}
enum CpuClock { kTicks = 0, kUserTicks = 1, kPrecise = 2 };

struct ChildTimes {
    double user = 0, system = 0;
};

ChildTimes read_reaped(pid_t pid) {
    const std::string text = read_text(path_of(pid, "stat"));
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
    for (const fs::path& task : entries_of(pid, "task")) {
        std::ifstream children(task / "children");
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
    if (fs::exists(path_of(root, ""))) nodes.push_back({root, false});
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
        for (const fs::path& task : entries_of(pid, "task")) {
            const auto switches = parse_switches(read_text(task / "status"));
            if (switches) threads[std::stoi(task.filename())] = *switches;
        }
    }
    return threads;
}

// Parses "NAME:   123 UNIT" on a line of its own. Without `unit`, any unit is accepted.
std::optional<std::size_t> number_of(std::string_view text, std::string_view name,
                                     std::string_view unit = {}) {
    const std::string start = fmt::format("\n{}:", name);
    const auto found = text.find(start);
    if (found == std::string_view::npos) return std::nullopt;
    text.remove_prefix(found + start.size());
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::size_t number = 0;
    const std::string_view line = text.substr(0, text.find('\n'));
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    const auto behind = line.substr(static_cast<std::size_t>(end - line.data()));
    if (error != std::errc() || (!unit.empty() && behind != unit)) return std::nullopt;
    return number;
}

// Returns its share of the memory that it has written. Pages of files (the code) are left out: they are
// divided by all processes that map them, even unrelated ones, so the figure would change with those.
std::size_t proportional_bytes(pid_t pid) {
    const std::string rollup = read_text(path_of(pid, "smaps_rollup"));
    return parse_status(rollup, "Pss_Anon").value_or(0) +
           parse_status(rollup, "Pss_Shmem").value_or(0);
}

}  // namespace

std::optional<std::size_t> parse_status(std::string_view text, std::string_view name) {
    const auto kibibytes = number_of(text, name, " kB");
    return kibibytes ? std::optional(*kibibytes * 1024) : std::nullopt;
}

std::size_t status_bytes(pid_t pid, std::string_view name) {
    return parse_status(read_text(path_of(pid, "status")), name).value_or(0);
}

std::size_t count_descriptors(pid_t pid) {
    return entries_of(pid, "fd").size();
}

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
        const Process* const known = find_by(processes_, node.pid, &Process::pid);
        const bool was_parent = known != nullptr && known->has_children;
        clockid_t clock{};
        if (clock_getcpuclockid(node.pid, &clock) != 0) continue;
        // The root may get children, and reap them, before the next look.
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
    const auto voluntary = number_of(status, "voluntary_ctxt_switches");
    const auto involuntary = number_of(status, "nonvoluntary_ctxt_switches");
    if (!voluntary || !involuntary) return std::nullopt;
    return Switches{static_cast<double>(*voluntary), static_cast<double>(*involuntary)};
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
