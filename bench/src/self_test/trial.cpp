#include "self_test/trial.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <thread>

#include "base/files.hpp"
#include "base/text.hpp"
#include "compare/validity.hpp"
#include "system/noise.hpp"
#include "system/usage.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kSlack = 32;  // closed connections whose end the server has not seen yet

using Bound = void (Checks::*)(const std::string&, double, double, const Checks::Text&,
                               const std::string&);

void check_ratios(Checks& checks, Bound add_bound, const RatioBound& bound, const Rounds& ratios) {
    const auto summary = summarize(ratios);
    if (!summary) return checks.broken(bound.what, "no round has a figure");
    const std::string spread = spread_text(*summary);
    if (summary->count >= kEnoughRounds) {
        (checks.*add_bound)(bound.what, summary->median, bound.bound, ratio_text, spread);
    } else {
        checks.note(bound.what, ratio_text(summary->median) + spread + ", too few rounds to judge");
    }
}

// Reports the CPU use of other processes, which may be the cause of a broken bound.
Result<void> run_watched(const std::function<Result<void>(const CpuPlan&, Checks&)>& trial,
                         const CpuPlan& cpus, Checks& checks) {
    CpuNoise noise(cpus.used());
    // Covers this process and the servers, which have been reaped when a trial is over.
    const CpuMeter own(getpid());
    const double before = own.read().total;
    noise.begin();
    auto ran = trial(cpus, checks);
    noise.end();
    const double others = noise.share(own.read().total - before).value_or(0);
    if (others > kNoiseLimit)
        checks.note("CPU time of other processes (repeat without them)",
                    fixed(others * 100, 1) + "%");
    return ran;
}

}  // namespace

void Checks::add(const std::string& what, const std::string& figure, const std::string& bound,
                 bool holds) {
    rows_.push_back({what, figure, bound, holds ? "ok" : "BROKEN"});
    hold_ = hold_ && holds;
}

void Checks::at_most(const std::string& what, double figure, double bound, const Text& text,
                     const std::string& spread) {
    add(what, text(figure) + spread, "at most " + text(bound), figure <= bound);
}

void Checks::at_least(const std::string& what, double figure, double bound, const Text& text,
                      const std::string& spread) {
    add(what, text(figure) + spread, "at least " + text(bound), figure >= bound);
}

void Checks::equal(const std::string& what, double figure, double bound, const Text& text) {
    add(what, text(figure), text(bound), figure == bound);
}

void Checks::note(const std::string& what, const std::string& figure) {
    rows_.push_back({what, figure, "", ""});
}

void Checks::broken(const std::string& what, const std::string& why) {
    add(what, why, "", false);
}

std::string Checks::to_text() const {
    Table table{"", {"what", "measured", "bound", ""}, {}, {}};
    for (const Row& row : rows_)
        table.rows.push_back({row.what, row.figure, row.bound, row.verdict});
    return bench::to_text(table) + (hold_ ? "all bounds hold\n" : "a bound is broken\n");
}

int run_checks(const std::function<Result<void>(const CpuPlan&, Checks&)>& trial) {
    raise_descriptor_limit();
    Checks checks;
    const auto ran = plan_cpus(Cpus::apart).and_then([&](const CpuPlan& cpus) {
        return run_watched(trial, cpus, checks);
    });
    if (!ran) return print_error(words_of(ran.error()));
    std::fputs(checks.to_text().c_str(), stdout);
    return checks.hold() ? 0 : 1;
}

Result<Server> start_echo(const std::string& name, std::size_t connections, int cpu) {
    const ServerSetup setup{"echo", connections + kSlack, 1};
    return Server::start(command_for(*find_server_kind(name), own_folder(), setup), {cpu});
}

void check_at_least(Checks& checks, const RatioBound& bound, const Rounds& ratios) {
    check_ratios(checks, &Checks::at_least, bound, ratios);
}

void check_at_most(Checks& checks, const RatioBound& bound, const Rounds& ratios) {
    check_ratios(checks, &Checks::at_most, bound, ratios);
}

std::string ratio_text(double ratio) {
    return fixed(ratio, 3);
}

std::string spread_text(const Summary& summary) {
    return summary.count < 2 ? std::string() : " \u00b1" + ratio_text(summary.mad);
}

}  // namespace switchboard::bench
