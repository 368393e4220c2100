#include "trial_parts.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <cstdio>
#include <thread>

#include "cpu_noise.hpp"
#include "format.hpp"
#include "judge.hpp"
#include "programs.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kSlack = 32;  // connections that the server has not seen the end of yet

using Judge = void (Verdicts::*)(const std::string&, double, double, const Verdicts::Text&,
                                 const std::string&);

void judge_ratios(Verdicts& verdicts, Judge judge, const RatioBound& bound, const Rounds& ratios) {
    const auto summary = summarize(ratios);
    if (!summary) return verdicts.broken(bound.what, "no round gave a figure");
    const std::string spread = spread_text(*summary);
    if (summary->count >= kEnoughRounds) {
        (verdicts.*judge)(bound.what, summary->median, bound.bound, ratio_text, spread);
    } else {
        verdicts.note(bound.what,
                      ratio_text(summary->median) + spread + ", too few rounds to judge");
    }
}

double cpu_seconds(int who) {
    rusage used{};
    getrusage(who, &used);
    return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

// Of this process and of the servers, which have been reaped when a trial is over.
double own_cpu() {
    return cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN);
}

// Tells whether others were in the way: then a broken bound may be theirs.
Result<void> run_watched(const std::function<Result<void>(const CpuPlan&, Verdicts&)>& trial,
                         const CpuPlan& cpus, Verdicts& verdicts) {
    CpuNoise noise(cpus.used());
    const double before = own_cpu();
    noise.begin();
    auto ran = trial(cpus, verdicts);
    noise.end();
    const double others = noise.share(own_cpu() - before).value_or(0);
    if (others > kNoiseLimit)
        verdicts.note("others used of the CPUs (try again without them)",
                      fixed(others * 100, 1) + "%");
    return ran;
}

}  // namespace

int judge(const std::function<Result<void>(const CpuPlan&, Verdicts&)>& trial) {
    raise_descriptor_limit();
    Verdicts verdicts;
    const auto run = [&]() -> Result<void> {
        const auto cpus = plan_cpus(Cpus::apart);
        if (!cpus) return tl::unexpected(cpus.error());
        return run_watched(trial, *cpus, verdicts);
    };
    if (const auto ran = run(); !ran) {
        // Where it is no system call that failed, the words say all.
        const Error& error = ran.error();
        const bool in_words = error == errc::unsupported;
        return complain(in_words ? error.tried() : error.message());
    }
    std::fputs(verdicts.to_text().c_str(), stdout);
    return verdicts.hold() ? 0 : 1;
}

Result<Server> start_echo(const std::string& name, std::size_t connections, int cpu) {
    const ServerSetup setup{"echo", connections + kSlack, 1};
    return Server::start(command_for(*find_server_kind(name), own_folder(), setup), {cpu});
}

bool comes_true(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

void judge_at_least(Verdicts& verdicts, const RatioBound& bound, const Rounds& ratios) {
    judge_ratios(verdicts, &Verdicts::at_least, bound, ratios);
}

void judge_at_most(Verdicts& verdicts, const RatioBound& bound, const Rounds& ratios) {
    judge_ratios(verdicts, &Verdicts::at_most, bound, ratios);
}

std::string ratio_text(double ratio) {
    return fixed(ratio, 3);
}

std::string spread_text(const Summary& summary) {
    return summary.count < 2 ? std::string() : " \u00b1" + ratio_text(summary.mad);
}

}  // namespace switchboard::bench
