// What the trials share.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <switchboard/error.hpp>
#include <vector>

#include "cpus.hpp"
#include "lists.hpp"
#include "programs.hpp"
#include "server.hpp"
#include "statistics.hpp"
#include "verdicts.hpp"

namespace switchboard::bench {

// With fewer rounds a bound on a ratio is not judged: one disturbed round would decide.
inline constexpr std::size_t kEnoughRounds = 5;

// Runs what is checked, on a program that has raised its descriptor limit and stands on the
// generator's CPU; tells the verdicts on stdout or the error on stderr. The exit status.
int judge(const std::function<Result<void>(const CpuPlan&, Verdicts&)>& trial);

// `name` is one of server_kinds(). Listens on a port of its own.
Result<Server> start_echo(const std::string& name, std::size_t connections, int cpu);

// Asks every 5 ms, until it holds or `patience` is over: whether it does.
bool comes_true(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::seconds(10));

// "0.987" and " ±1.2%" over the rounds; judged against `least` if there are enough of them.
struct RatioBound {
    std::string what;
    double bound;
};
void judge_at_least(Verdicts& verdicts, const RatioBound& bound, const Rounds& ratios);
void judge_at_most(Verdicts& verdicts, const RatioBound& bound, const Rounds& ratios);
std::string ratio_text(double ratio);             // 0.987
std::string spread_text(const Summary& summary);  // " ±0.012": the MAD; empty for one round

}  // namespace switchboard::bench
