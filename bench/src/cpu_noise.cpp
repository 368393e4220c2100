#include "cpu_noise.hpp"

#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

// Where the times come from. The kernel's user and system times are samples, taken 100 to 1,000 times a
// second, but the time it was idle is exact, as is the account of a process (see usage.cpp). So what is
// neither idle nor our own is what is left of the time that passed, and not a sum of samples. Whether an
// interrupt's time is on the account of the process it came upon differs between kernels
// (CONFIG_IRQ_TIME_ACCOUNTING), and so does stolen time (CONFIG_PARAVIRT_TIME_ACCOUNTING): each is taken
// such that nobody is accused wrongly.
namespace switchboard::bench {

CpuTimes operator+(const CpuTimes& a, const CpuTimes& b) noexcept {
    return {a.idle + b.idle, a.interrupts + b.interrupts, a.stolen + b.stolen};
}

CpuTimes operator-(const CpuTimes& later, const CpuTimes& earlier) noexcept {
    return {later.idle - earlier.idle, later.interrupts - earlier.interrupts,
            later.stolen - earlier.stolen};
}

std::optional<CpuTimes> parse_cpu_times(std::string_view stat, int cpu) {
    const std::string label = "cpu" + std::to_string(cpu) + " ";
    std::istringstream lines{std::string(stat)};
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(label)) continue;
        std::istringstream fields(line.substr(label.size()));
        double user = 0, nice = 0, system = 0, idle = 0, disk = 0, hard = 0, soft = 0, stolen = 0;
        if (!(fields >> user >> nice >> system >> idle >> disk >> hard >> soft >> stolen)) break;
        const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
        return CpuTimes{(idle + disk) / ticks, (hard + soft) / ticks, stolen / ticks};
    }
    return std::nullopt;
}

double noise_share(const CpuTimes& used, double available, double own, std::size_t cpus) {
    if (available <= 0) return 0;
    const double tick = 1 / static_cast<double>(sysconf(_SC_CLK_TCK));
    const double others = available - used.idle - used.interrupts - own;
    const double certain = std::max(others, used.stolen) - static_cast<double>(cpus) * tick;
    return std::clamp(certain / available, 0.0, 1.0);
}

CpuNoise::Reading CpuNoise::read() const {
    std::ifstream file("/proc/stat");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    Reading reading{CpuTimes{}, std::chrono::steady_clock::now()};
    for (const int cpu : cpus_) {
        const auto times = parse_cpu_times(text, cpu);
        if (!times) return {};
        reading.times = *reading.times + *times;
    }
    return reading;
}

void CpuNoise::begin() {
    begin_ = read();
}

void CpuNoise::end() {
    end_ = read();
}

double CpuNoise::share(double own) const {
    if (!begin_.times || !end_.times) return 0;
    const double passed = std::chrono::duration<double>(end_.at - begin_.at).count();
    return noise_share(*end_.times - *begin_.times, passed * static_cast<double>(cpus_.size()), own,
                       cpus_.size());
}

}  // namespace switchboard::bench
