#include <fmt/core.h>
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "cli/commands.hpp"
#include "cli/compare_options.hpp"

#include "base/files.hpp"
#include "base/histogram.hpp"
#include "compare/experiment.hpp"
#include "compare/knee_search.hpp"
#include "compare/results.hpp"
#include "compare/run_cell.hpp"
#include "report/progress.hpp"
#include "system/environment.hpp"
#include "system/server_process.hpp"
#include "workload/workload.hpp"

namespace switchboard::bench {
namespace {

// The servers that can be measured. A missing server is skipped or an error.
struct Available {
    std::vector<std::string> servers;
    std::vector<Skipped> skipped;
    std::string lacking;  // "io-uring: why"; empty: no requested server is missing
};

// Says why a server does not suit the workload; empty if it does.
std::string why_unfit(const ServerKind& kind, const std::string& workload, bool tls) {
    const WorkloadKind& load = *find_workload_kind(workload);
    const std::string protocol(load.protocol);
    if (!kind.speaks(protocol)) return fmt::format("serves {}, not {}", kind.serves, protocol);
    if (tls && !kind.speaks_tls) return "does not speak TLS";
    if (!kind.is_own() && load.needs_one_reactor() &&
        (kind.driver != "reactor" || kind.reactors > 1))
        return protocol + " requires the driver reactor with one reactor";
    return {};
}

Available find_servers(const CompareOptions& options, const std::string& folder, int cpu) {
    Available found;
    for (const std::string& name : options.experiment.servers) {
        const ServerKind kind = *options.experiment.server(name);
        const std::string unfit =
            why_unfit(kind, options.experiment.workload, options.experiment.over == "tls");
        const std::string why =
            unfit.empty() && !kind.is_own() ? why_unavailable(kind, folder, cpu) : unfit;
        const bool wanted = !options.all_servers || name == options.experiment.baseline;
        if (why.empty()) {
            found.servers.push_back(name);
        } else if (wanted || (unfit.empty() && !kind.may_be_missing())) {
            found.lacking = name + ": " + why;
            break;
        } else {
            found.skipped.push_back({name, why});
        }
    }
    return found;
}

class Comparison {
public:
    Comparison(const Experiment& experiment, std::vector<Skipped> skipped, const CpuPlan& cpus)
        : order_(experiment) {
        results_.experiment = experiment;
        results_.skipped = std::move(skipped);
        results_.cpus = cpus;
        results_.command_line = own_command_line();
        results_.environment = describe_environment();
        for (const Cell& cell : all_cells(experiment)) results_.at(cell);
    }

    Results run() {
        run_rounds();
        results_.interrupted = is_interrupted();
        return std::move(results_);
    }

private:
    void run_rounds() {
        Progress progress(results_.experiment.rounds * results_.cells.size());
        for (std::size_t round = 1; round <= results_.experiment.rounds; ++round) {
            const std::vector<Cell> cells = order_.next_round();
            for (std::size_t i = 0; i < cells.size(); ++i) {
                if (is_interrupted()) return;
                progress.begin(
                    cells[i].server,
                    fmt::format("{} x {} B, round {}", cells[i].connections, cells[i].size, round));
                if (!run_cell(cells[i], round)) return;
                progress.end(i + 1 == cells.size() || !same_load(cells[i], cells[i + 1]));
            }
        }
    }

    // Returns false if it was interrupted.
    bool run_cell(const Cell& cell, std::size_t round) {
        const CellRun measured = measure_cell(results_.experiment, cell, results_.cpus, round);
        if (is_interrupted()) {
            results_.wrong_at_the_end = measured.figures.wrong();
            return false;
        }
        CellRounds& rounds = results_.at(cell);
        rounds.rounds.push_back(measured.figures);
        rounds.latency.merge(measured.latency);
        if (results_.experiment.find_knee) find_knee_of(rounds);
        return !is_interrupted();
    }

    // The closed loop that was just measured is the upper bound. If it was not valid, there is no knee.
    void find_knee_of(CellRounds& cell) {
        const CellRounds closed_loop{cell.cell, {cell.rounds.back()}};
        Knee found = search_knee(results_.experiment, closed_loop, results_.cpus);
        if (is_interrupted()) {
            results_.wrong_at_the_end = found.wrong;
        } else {
            cell.knees.push_back(std::move(found));
        }
    }

    Results results_;
    RandomOrder order_;
};

bool has_figures(const Results& results) {
    return std::ranges::any_of(results.cells, [](const CellRounds& cell) {
        return summarize(cell, kThroughput).has_value();
    });
}

// Writes SERVER-CONNECTIONSxSIZE.hgrm, in microseconds, for each cell that has latencies.
void write_hgrm(const Results& results, const std::string& folder, Outputs& outputs) {
    std::error_code unmade;
    std::filesystem::create_directory(folder, unmade);
    if (unmade) return outputs.note(fail(unmade, "make the folder " + folder));
    for (const CellRounds& cell : results.cells) {
        if (cell.latency.count() == 0) continue;
        const auto path = fmt::format("{}/{}-{}x{}.hgrm", folder, cell.cell.server,
                                      cell.cell.connections, cell.cell.size);
        outputs.note(write_file(path, to_hgrm(cell.latency, kMicrosecond)));
    }
}

bool write_files(const CompareOptions& options, const Results& results) {
    const std::string& report = options.outputs.report;
    Outputs outputs = write_outputs(
        options.outputs, options.quick ? to_brief_text(results, report) : to_text(results),
        to_json(results), options.csv);
    outputs.note(write_file(options.csv, to_csv(results)));
    if (!options.hgrm.empty()) write_hgrm(results, options.hgrm, outputs);
    return outputs.all_written();
}

int print_results(const CompareOptions& options, const Results& results) {
    const bool written = write_files(options, results);
    if (const std::size_t wrong = results.wrong_replies(); wrong > 0)
        return print_error("wrong bytes came back on " + count_text(wrong, "connection"));
    if (!written) return 1;
    if (results.interrupted) return 130;
    return has_figures(results) ? 0 : print_error("nothing could be measured");
}

int compare(const CompareOptions& asked) {
    CompareOptions options = asked;
    Experiment& experiment = options.experiment;
    if (experiment.seed == 0) experiment.seed = std::random_device()();
    raise_descriptor_limit();
    const auto writable =
        find_writable({options.outputs.json, options.csv, options.outputs.report}, options.hgrm);
    if (!writable) return print_error(writable.error());
    const auto cpus = plan_cpus(experiment.cpus());
    if (!cpus) return print_error(cpus.error());
    Available found = find_servers(options, own_folder(), cpus->server);
    if (!found.lacking.empty()) return print_error(found.lacking);
    experiment.servers = std::move(found.servers);
    if (auto pinned = pin_to(cpus->generator); !pinned) return print_error(pinned.error());
    experiment.work_steps = calibrate(experiment.work);
    catch_interrupts();
    return print_results(options, Comparison(experiment, std::move(found.skipped), *cpus).run());
}

}  // namespace

void add_compare(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<CompareOptions>();
    CLI::App* command =
        app.add_subcommand("compare", "compare servers: the drivers, peers and your own");
    describe_compare(*command, *options, [options, &chosen] {
        chosen = [options] {
            if (!options->lists) return compare(*options);
            std::fputs(list_scenarios().c_str(), stdout);
            return 0;
        };
    });
}

}  // namespace switchboard::bench
