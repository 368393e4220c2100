#include "cpus.hpp"

#include <sched.h>
#include <algorithm>
#include <charconv>
#include <string>

#include "files.hpp"

namespace switchboard::bench {
namespace {

// Empty where the system does not tell.
std::vector<int> siblings_of(int cpu) {
    return parse_cpu_list(read_text("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                                    "/topology/thread_siblings_list"));
}

}  // namespace

std::vector<int> CpuPlan::used() const {
    if (spread()) return all;
    return shared() ? std::vector<int>{server} : std::vector<int>{server, generator};
}

std::vector<int> allowed_cpus() {
    std::vector<int> all;
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return all;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) all.push_back(cpu);
    }
    return all;
}

Result<CpuPlan> plan_cpus(Cpus how) {
    const std::vector<int> all = allowed_cpus();
    if (all.empty()) return fail_errno("sched_getaffinity");
    return choose_cpus(how, all, siblings_of(all.front()));
}

CpuPlan choose_cpus(Cpus how, const std::vector<int>& allowed, const std::vector<int>& siblings) {
    CpuPlan plan{allowed.front(), allowed.front()};
    if (how == Cpus::spread) plan.all = allowed;
    if (how == Cpus::shared || allowed.size() < 2) return plan;
    const auto is_sibling = [&](int cpu) {
        return std::find(siblings.begin(), siblings.end(), cpu) != siblings.end();
    };
    const auto apart = std::find_if_not(allowed.begin() + 1, allowed.end(), is_sibling);
    if (how == Cpus::apart)
        plan.one_core = siblings.empty() ? std::nullopt : std::optional(apart == allowed.end());
    plan.generator = apart == allowed.end() ? allowed[1] : *apart;
    return plan;
}

std::vector<int> parse_cpu_list(std::string_view text) {
    std::vector<int> cpus;
    while (text.ends_with('\n')) text.remove_suffix(1);
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
        int first = 0, last = 0;
        auto read = std::from_chars(at, end, first);
        last = first;
        if (read.ec == std::errc() && read.ptr < end && *read.ptr == '-')
            read = std::from_chars(read.ptr + 1, end, last);
        const bool goes_on = read.ptr < end && *read.ptr == ',' && read.ptr + 1 < end;
        if (read.ec != std::errc() || first < 0 || last < first || last >= CPU_SETSIZE) return {};
        if (read.ptr < end && !goes_on) return {};
        for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
        at = goes_on ? read.ptr + 1 : end;
    }
    return cpus;
}

Result<void> pin_to(const std::vector<int>& cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
    if (sched_setaffinity(0, sizeof set, &set) == 0) return {};
    return fail_errno("pin to CPU " + std::to_string(cpus.front()));
}

Result<void> pin_to(int cpu) {
    return pin_to(std::vector<int>{cpu});
}

}  // namespace switchboard::bench
