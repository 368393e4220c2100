#include "system/noise.hpp"

#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <switchboard/bind_datagram.hpp>
#include <utility>

#include "base/cpu_clock.hpp"
#include "base/files.hpp"

// Where the times come from. A process's account is exact (see usage.cpp), and so is the idle time of a CPU.
// Its user and system time are samples, taken 100 to 1,000 times a second. Time that is neither idle nor our
// own is more than the work of others: waking an idle CPU takes some 2 microseconds, which no account has,
// and a load that waits and wakes 16,000 times a second pays them too. The samples do not contain these, but
// have random errors. So the smaller of both is used: it is right if there are no others, and if there are,
// the two differ little. Kernels differ in whether the time of an interrupt is on the account of the
// interrupted process (CONFIG_IRQ_TIME_ACCOUNTING), and no file shows it: hence clocks_count_interrupts().
// They also differ for stolen time (CONFIG_PARAVIRT_TIME_ACCOUNTING), which is noise at least where it is
// counted separately.

namespace switchboard::bench {
namespace {

// Whether the list has the controller cpu, as "cpu,cpuacct" has.
bool names_cpu(const std::string& controllers) {
    std::istringstream list(controllers);
    for (std::string one; std::getline(list, one, ',');) {
        if (one == "cpu") return true;
    }
    return false;
}

void add_upwards(std::vector<std::string>& files, const std::string& mount, std::string path) {
    while (!path.empty() && path != "/") {
        files.push_back(mount + path + "/cpu.stat");
        path.resize(path.rfind('/'));
    }
    files.push_back(mount + "/cpu.stat");
}

using Clock = std::chrono::steady_clock;

// Returns how often this thread was preempted.
long times_taken() {
    rusage used{};
    getrusage(RUSAGE_THREAD, &used);
    return used.ru_nivcsw;
}

// Returns the part of the time of sending packets that is on this thread's account: nearly all of it, unless
// the kernel's packet processing is not counted.
double share_on_account(const Socket& sender) {
    const std::array<std::byte, 1> packet{};
    const double cpu = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    const auto begin = Clock::now();
    while (Clock::now() - begin < std::chrono::milliseconds(1)) {
        [[maybe_unused]] const auto sent = sender.send(packet);  // the receiver may be full
    }
    const double used = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    return used / std::chrono::duration<double>(Clock::now() - begin).count();
}

bool try_out_interrupts() {
    const auto any_port = Endpoint::parse("udp://127.0.0.1:0");
    const auto receiver = bind_datagram(*any_port);
    if (!receiver) return false;
    const auto there = bound_endpoint(*receiver, *any_port);
    const auto sender = there ? connect_datagram(*there) : tl::unexpected(there.error());
    if (!sender) return false;
    double most = 0;  // of the slice with the least disturbance
    // If another thread had this CPU in a slice, the account says nothing.
    for (int slice = 0, undisturbed = 0; slice < 500 && undisturbed < 20; ++slice) {
        const long taken = times_taken();
        const double share = share_on_account(*sender);
        if (times_taken() != taken) continue;
        most = std::max(most, share);
        ++undisturbed;
    }
    return most > 0.9;
}

std::optional<CpuTimes> line_of(std::string_view stat, int cpu) {
    const std::string label = "cpu" + std::to_string(cpu) + " ";
    std::istringstream lines{std::string(stat)};
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(label)) continue;
        std::istringstream fields(line.substr(label.size()));
        double user = 0, nice = 0, system = 0, idle = 0, disk = 0, hard = 0, soft = 0, stolen = 0;
        if (!(fields >> user >> nice >> system >> idle >> disk >> hard >> soft >> stolen)) break;
        const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
        return CpuTimes{(user + nice + system) / ticks, (idle + disk) / ticks,
                        (hard + soft) / ticks, stolen / ticks};
    }
    return std::nullopt;
}

}  // namespace

std::vector<std::string> quota_files(std::string_view proc_cgroup) {
    std::vector<std::string> files;
    std::istringstream lines{std::string(proc_cgroup)};
    for (std::string line; std::getline(lines, line);) {  // NUMBER:CONTROLLERS:/PATH
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string path = line.substr(second + 1);
        if (controllers.empty()) add_upwards(files, "/sys/fs/cgroup", path);
        if (names_cpu(controllers)) add_upwards(files, "/sys/fs/cgroup/cpu", path);
    }
    return files;
}

std::optional<double> parse_throttled(std::string_view cpu_stat) {
    std::istringstream lines{std::string(cpu_stat)};
    std::string name;
    for (double count = 0; lines >> name >> count;) {
        if (name == "throttled_usec") return count * 1e-6;  // version 2
        if (name == "throttled_time") return count * 1e-9;  // version 1
    }
    return std::nullopt;
}

CpuQuota::CpuQuota() {
    for (std::string& file : quota_files(read_text("/proc/self/cgroup"))) {
        if (parse_throttled(read_text(file))) files_.push_back(std::move(file));
    }
}

double CpuQuota::throttled() const {
    double most = 0;
    for (const std::string& file : files_)
        most = std::max(most, parse_throttled(read_text(file)).value_or(0));
    return most;
}

CpuTimes operator+(const CpuTimes& a, const CpuTimes& b) noexcept {
    return {a.busy + b.busy, a.idle + b.idle, a.interrupts + b.interrupts, a.stolen + b.stolen,
            a.throttled + b.throttled};
}

CpuTimes operator-(const CpuTimes& later, const CpuTimes& earlier) noexcept {
    return later + CpuTimes{-earlier.busy, -earlier.idle, -earlier.interrupts, -earlier.stolen,
                            -earlier.throttled};
}

std::optional<CpuTimes> parse_cpu_times(std::string_view stat, const std::vector<int>& cpus) {
    CpuTimes all;
    for (const int cpu : cpus) {
        const auto times = line_of(stat, cpu);
        if (!times) return std::nullopt;
        all = all + *times;
    }
    return all;
}

double noise_share(CpuTimes used, double seconds, double own, std::size_t cpus,
                   bool interrupts_are_owned) {
    if (seconds <= 0) return 0;
    if (interrupts_are_owned) used.busy += std::exchange(used.interrupts, 0);
    const auto count = static_cast<double>(cpus);
    const double available = seconds * count;
    const double tick = 1 / static_cast<double>(sysconf(_SC_CLK_TCK));
    const double not_idle = available - used.idle - used.interrupts;
    const double others = std::min(not_idle, used.busy + used.stolen) - own;
    const double certain = std::max(others, used.stolen) - count * tick;
    // Time spent waiting for a disk counts as idle, and may decrease (man 5 proc).
    const double held_back = std::max(0.0, std::min(used.throttled, used.idle));
    return std::min(1.0, (std::max(0.0, certain) + held_back) / available);
}

bool clocks_count_interrupts() {
    static const bool counted = try_out_interrupts();
    return counted;
}

CpuNoise::CpuNoise(std::vector<int> cpus)
    : cpus_(std::move(cpus)), interrupts_are_owned_(clocks_count_interrupts()) {}

CpuNoise::Reading CpuNoise::read() const {
    Reading reading{parse_cpu_times(read_text("/proc/stat"), cpus_), Clock::now()};
    if (reading.times) reading.times->throttled = quota_.throttled();
    return reading;
}

std::optional<double> CpuNoise::share(double own) const {
    if (!begin_.times || !end_.times) return std::nullopt;
    const double passed = std::chrono::duration<double>(end_.at - begin_.at).count();
    return noise_share(*end_.times - *begin_.times, passed, own, cpus_.size(),
                       interrupts_are_owned_);
}

}  // namespace switchboard::bench
