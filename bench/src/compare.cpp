#include "compare.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "cell_run.hpp"
#include "compare_knee.hpp"
#include "environment.hpp"
#include "files.hpp"
#include "hgrm.hpp"
#include "interrupt.hpp"
#include "measuring_order.hpp"
#include "programs.hpp"
#include "progress.hpp"
#include "results.hpp"
#include "server.hpp"
#include "work.hpp"
#include "workload.hpp"

namespace switchboard::bench {
namespace {

// Of all servers those that there are; of servers that were named the first that there is not.
struct Available {
    std::vector<std::string> servers;
    std::vector<LeftOut> left_out;
    std::string lacking;  // "io-uring: why"; empty: what was asked for can be measured
};

// Why a server does not speak what a workload needs; empty: it does.
std::string why_unfit(const ServerKind& kind, const std::string& workload) {
    const WorkloadKind& load = *find_workload_kind(workload);
    const std::string protocol(load.protocol);
    if (!kind.is_driver() && protocol != "echo") return "speaks echo, and not " + protocol;
    if (load.one_reactor && (kind.driver != "reactor" || kind.reactors > 1))
        return protocol + " needs the driver reactor, and one of them";
    return {};
}

Available find_servers(const CompareOptions& options, const std::string& folder, int cpu) {
    Available found;
    for (const std::string& name : options.servers) {
        const ServerKind kind = *find_server_kind(name);
        const std::string unfit = why_unfit(kind, options.workload);
        const std::string why = unfit.empty() ? why_unavailable(kind, folder, cpu) : unfit;
        const bool wanted = !options.all_servers || name == options.baseline;
        if (why.empty()) {
            found.servers.push_back(name);
        } else if (wanted || (unfit.empty() && !kind.may_be_missing())) {
            found.lacking = name + ": " + why;
            break;
        } else {
            found.left_out.push_back({name, why});
        }
    }
    return found;
}

class Comparison {
public:
    Comparison(const CompareOptions& options, std::vector<LeftOut> left_out, const CpuPlan& cpus)
        : order_(options) {
        results_.options = options;
        results_.left_out = std::move(left_out);
        results_.cpus = cpus;
        results_.command_line = own_command_line();
        results_.environment = describe_environment();
        for (const Cell& cell : all_cells(options)) results_.at(cell);
    }

    Results run() {
        run_rounds();
        if (results_.options.cost) results_.counted = count_costs(results_.options, is_interrupted);
        results_.interrupted = is_interrupted();
        return std::move(results_);
    }

private:
    void run_rounds() {
        Progress progress(results_.options.rounds * results_.cells.size());
        for (std::size_t round = 1; round <= results_.options.rounds; ++round) {
            const std::vector<Cell> cells = order_.next_round();
            for (std::size_t i = 0; i < cells.size(); ++i) {
                if (is_interrupted()) return;
                const std::string what = std::to_string(cells[i].connections) + " x " +
                                         std::to_string(cells[i].size) + " B, round " +
                                         std::to_string(round);
                progress.begin(cells[i].server + ", " + what);
                if (!run_cell(cells[i], round)) return;
                progress.end();
                if (i + 1 == cells.size() || !same_load(cells[i], cells[i + 1]))
                    progress.milestone(what);
            }
        }
    }

    // False when it was interrupted.
    bool run_cell(const Cell& cell, std::size_t round) {
        const Measured measured = measure_cell(results_.options, cell, results_.cpus, round);
        if (is_interrupted()) {
            results_.wrong_at_the_end = measured.figures.wrong();
            return false;
        }
        CellRounds& rounds = results_.at(cell);
        rounds.rounds.push_back(measured.figures);
        rounds.latency.merge(measured.latency);
        if (results_.options.find_knee) find_knee_of(rounds);
        return !is_interrupted();
    }

    // As high as it came in the closed loop just now. Who did not serve all has none.
    void find_knee_of(CellRounds& cell) {
        const CellRounds closed_loop{cell.cell, {cell.rounds.back()}};
        Knee found = search_knee(results_.options, closed_loop, results_.cpus);
        if (is_interrupted()) {
            results_.wrong_at_the_end = found.wrong;
        } else {
            cell.knees.push_back(std::move(found));
        }
    }

    Results results_;
    MeasuringOrder order_;
};

bool has_figures(const Results& results) {
    return std::any_of(results.cells.begin(), results.cells.end(), [](const CellRounds& cell) {
        return summarize(cell, kThroughput).has_value();
    });
}

// A file for each cell that has latencies: SERVER-CONNECTIONSxSIZE.hgrm, in microseconds.
void write_hgrm(const Results& results, Outputs& outputs) {
    std::error_code unmade;
    std::filesystem::create_directory(results.options.hgrm, unmade);
    if (unmade) return outputs.note(fail(unmade, "make the folder " + results.options.hgrm));
    for (const CellRounds& cell : results.cells) {
        if (cell.latency.count() == 0) continue;
        const std::string name = cell.cell.server + "-" + std::to_string(cell.cell.connections) +
                                 "x" + std::to_string(cell.cell.size) + ".hgrm";
        const auto path = std::filesystem::path(results.options.hgrm) / name;
        outputs.note(write_file(path.string(), to_hgrm(cell.latency, kMicrosecond)));
    }
}

bool write_files(const Results& results) {
    const CompareOptions& options = results.options;
    Outputs outputs;
    outputs.note(print(to_text(results)));
    outputs.note(write_file(options.json, to_json(results)));
    outputs.note(write_file(options.csv, to_csv(results)));
    if (!options.hgrm.empty()) write_hgrm(results, outputs);
    if (!options.report.empty()) outputs.note(write_file(options.report, to_html(results)));
    return outputs.all_written();
}

int tell(const Results& results) {
    const bool written = write_files(results);
    if (const std::size_t wrong = results.wrong_replies(); wrong > 0) {
        return complain("wrong bytes came back on " + std::to_string(wrong) + " connections");
    }
    if (!written) return 1;
    if (results.interrupted) return 130;
    return has_figures(results) ? 0 : complain("nothing could be measured");
}

}  // namespace

int compare(const CompareOptions& asked) {
    CompareOptions options = asked;
    if (options.seed == 0) options.seed = std::random_device()();
    raise_descriptor_limit();
    if (auto tools = options.cost ? find_cost_tools() : Result<void>(); !tools) {
        return complain(tools.error().message());
    }
    const auto writable = find_writable({options.json, options.csv, options.report}, options.hgrm);
    if (!writable) return complain(writable.error().message());
    const auto cpus = plan_cpus(options.cpus());
    if (!cpus) return complain(cpus.error().message());
    Available found = find_servers(options, own_folder(), cpus->server);
    if (!found.lacking.empty()) return complain(found.lacking);
    options.servers = std::move(found.servers);
    if (auto pinned = pin_to(cpus->generator); !pinned) return complain(pinned.error().message());
    options.work_steps = steps_of(options.work);
    catch_interrupts();
    return tell(Comparison(options, std::move(found.left_out), *cpus).run());
}

}  // namespace switchboard::bench
