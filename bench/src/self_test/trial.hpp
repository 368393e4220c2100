// Shared by the self-test and the long tests: figures with bounds, and a run that checks them.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <switchboard/error.hpp>
#include <vector>

#include "base/files.hpp"
#include "base/parse.hpp"
#include "base/statistics.hpp"
#include "system/cpus.hpp"
#include "system/server_process.hpp"

namespace switchboard::bench {

// Figures and their bounds, in the order in which they are added. A figure equal to its bound is ok.
class Checks {
public:
    using Text = std::function<std::string(double)>;  // formats a figure and its bound

    void at_most(const std::string& what, double figure, double bound, const Text& text,
                 const std::string& spread = {});
    void at_least(const std::string& what, double figure, double bound, const Text& text,
                  const std::string& spread = {});
    void equal(const std::string& what, double figure, double bound, const Text& text);
    void note(const std::string& what, const std::string& figure);  // without a bound
    void broken(const std::string& what, const std::string& why);   // there is no figure

    bool hold() const noexcept { return hold_; }
    std::string to_text() const;  // a table, then the overall result

private:
    struct Row {
        std::string what, figure, bound, verdict;
    };
    void add(const std::string& what, const std::string& figure, const std::string& bound,
             bool holds);

    std::vector<Row> rows_;
    bool hold_ = true;
};

// With fewer rounds a bound on a ratio is not judged: one disturbed round would decide.
inline constexpr std::size_t kEnoughRounds = 5;

// Raises the descriptor limit and runs `trial`. Prints its checks on stdout, or the error on stderr. Returns
// the exit status.
int run_checks(const std::function<Result<void>(const CpuPlan&, Checks&)>& trial);

// Starts the server `name`, one of server_kinds(), on a free port.
Result<Server> start_echo(const std::string& name, std::size_t connections, int cpu);

// The median of the ratios is judged if there are at least kEnoughRounds; otherwise it is only shown.
struct RatioBound {
    std::string what;
    double bound;
};
void check_at_least(Checks& checks, const RatioBound& bound, const Rounds& ratios);
void check_at_most(Checks& checks, const RatioBound& bound, const Rounds& ratios);
std::string ratio_text(double ratio);             // 0.987
std::string spread_text(const Summary& summary);  // " ±0.012": the MAD; empty for one round

}  // namespace switchboard::bench
