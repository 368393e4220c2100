#include "system/cpus.hpp"

#include <sched.h>
#include <algorithm>
#include <string>

#include "base/files.hpp"
#include "base/parse.hpp"

namespace switchboard::bench {
namespace {

// Empty if the system does not report them.
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
        return std::ranges::find(siblings, cpu) != siblings.end();
    };
    const auto apart = std::find_if_not(allowed.begin() + 1, allowed.end(), is_sibling);
    if (how == Cpus::apart)
        plan.one_core = siblings.empty() ? std::nullopt : std::optional(apart == allowed.end());
    plan.generator = apart == allowed.end() ? allowed[1] : *apart;
    return plan;
}

std::vector<int> parse_cpu_list(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    std::vector<int> cpus;
    for (const std::string& piece :
         split_list(std::string(text)).value_or(std::vector<std::string>())) {
        const auto dash = piece.find('-');
        const auto first = parse_count(piece.substr(0, dash));
        const auto last = dash == std::string::npos ? first : parse_count(piece.substr(dash + 1));
        if (!first || !last || *last < *first || *last >= CPU_SETSIZE) return {};
        for (std::size_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<int>(cpu));
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

Result<void> no_wakeup_preemption() {
    const sched_param priority{};
    if (sched_setscheduler(0, SCHED_BATCH, &priority) == 0) return {};
    return fail_errno("sched_setscheduler");
}

}  // namespace switchboard::bench
