#include "cpu_noise.hpp"

#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <ctime>
#include <sstream>
#include <string>
#include <switchboard/datagram_socket.hpp>
#include <utility>

#include "files.hpp"

// Where the times come from. The account of a process is exact (see usage.cpp), and so is the time that a
// CPU was idle; its user and system time are samples, taken 100 to 1,000 times a second. What is neither
// idle nor our own holds more than others' work: to wake an idle CPU takes some 2 microseconds that are on
// nobody's account, and a load that waits and wakes 16,000 times a second pays them too. The samples do
// not see these, but are off by chance. The smaller of both is right where there are no others, and where
// there are they differ little. Whether the time of an interrupt is on the account of the process it came
// upon differs between kernels (CONFIG_IRQ_TIME_ACCOUNTING), which no file tells: hence
// clocks_count_interrupts(). So does time that is stolen (CONFIG_PARAVIRT_TIME_ACCOUNTING), which is noise
// at least where it is counted by itself.
namespace switchboard::bench {
namespace {

using Clock = std::chrono::steady_clock;

double thread_cpu() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

// How often this thread's CPU was taken from it.
long times_taken() {
    rusage used{};
    getrusage(RUSAGE_THREAD, &used);
    return used.ru_nivcsw;
}

// How much of the time that passes while packets are sent is on this thread's account: nearly all of
// it, unless the packets' way through the kernel is not.
double share_on_account(const Socket& sender) {
    const std::array<std::byte, 1> packet{};
    const double cpu = thread_cpu();
    const auto begin = Clock::now();
    while (Clock::now() - begin < std::chrono::milliseconds(1)) {
        [[maybe_unused]] const auto sent = sender.send(packet);  // the receiver may be full
    }
    const double used = thread_cpu() - cpu;
    return used / std::chrono::duration<double>(Clock::now() - begin).count();
}

bool try_out_interrupts() {
    const auto any_port = Endpoint::parse("udp://127.0.0.1:0");
    const auto receiver = bind_datagram(*any_port);
    if (!receiver) return false;
    const auto there = bound_endpoint(*receiver, *any_port);
    const auto sender = there ? connect_datagram(*there) : tl::unexpected(there.error());
    if (!sender) return false;
    double most = 0;  // of the slice that was disturbed least
    // In a slice in which another had this CPU the account says nothing.
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

CpuTimes operator+(const CpuTimes& a, const CpuTimes& b) noexcept {
    return {a.busy + b.busy, a.idle + b.idle, a.interrupts + b.interrupts, a.stolen + b.stolen,
            a.throttled + b.throttled};
}

CpuTimes operator-(const CpuTimes& later, const CpuTimes& earlier) noexcept {
    return {later.busy - earlier.busy, later.idle - earlier.idle,
            later.interrupts - earlier.interrupts, later.stolen - earlier.stolen,
            later.throttled - earlier.throttled};
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
    // Time that waits for a disk counts as idle, and may go back (man 5 proc).
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

void CpuNoise::begin() {
    begin_ = read();
}

void CpuNoise::end() {
    end_ = read();
}

std::optional<double> CpuNoise::share(double own) const {
    if (!begin_.times || !end_.times) return std::nullopt;
    const double passed = std::chrono::duration<double>(end_.at - begin_.at).count();
    return noise_share(*end_.times - *begin_.times, passed, own, cpus_.size(),
                       interrupts_are_owned_);
}

}  // namespace switchboard::bench
