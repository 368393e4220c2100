#include "compare.hpp"

#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "cpu_noise.hpp"
#include "environment.hpp"
#include "generator.hpp"
#include "programs.hpp"
#include "progress.hpp"
#include "results.hpp"
#include "server.hpp"
#include "usage.hpp"

namespace switchboard::bench {
namespace {

volatile std::sig_atomic_t interrupted = 0;

// The first Ctrl-C ends the run in good order, a second one at once (and the servers with it).
void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

Result<void> find_programs(const CompareOptions& options, const std::string& folder) {
    for (const std::string& name : options.servers) {
        const std::string path = folder + "/" + find_server_kind(name)->program;
        if (access(path.c_str(), X_OK) != 0) return fail_errno("server program " + path);
    }
    return {};
}

void fill_from_load(Measurement& m, const LoadResult& load) {
    const auto seconds = [&](double percent) {
        return static_cast<double>(load.tally.latency.percentile(percent)) * 1e-9;
    };
    m.connected = load.tally.connected;
    m.answered = load.tally.answered;
    m.served = load.tally.served;
    m.exchanges = load.tally.exchanges;
    m.seconds = load.seconds;
    m.generator_cpu = load.cpu_seconds;
    m.p50 = seconds(50);
    m.p99 = seconds(99);
    m.p999 = seconds(99.9);
    m.max = seconds(100);
    m.failed = load.tally.failed;
    m.failures = load.tally.failures;
    m.first_failure = load.tally.first_failure;
}

LoadPlan plan_for(const CompareOptions& options, const Cell& cell, const Endpoint& target) {
    LoadPlan plan;
    plan.target = target;
    plan.connections = cell.connections;
    plan.size = cell.size;
    plan.depth = options.depth;
    plan.settle = options.settle();
    plan.warm_up = options.warm_up();
    plan.duration = options.duration;
    return plan;
}

std::vector<int> cpus_of(const CpuPlan& plan) {
    if (plan.shared()) return {plan.server};
    return {plan.server, plan.generator};
}

// The window's part of what was counted over a longer time of the same load: that of the CPU time.
std::optional<Switches> part_of(const std::optional<Switches>& counted, double window, double all) {
    if (!counted || all <= 0) return std::nullopt;
    return Switches{counted->voluntary * window / all, counted->involuntary * window / all};
}

// Puts `server` under load and reads what it used at the edges of the window. Context switches are
// counted from the moment the load starts: a thousand threads cannot be read at once.
Measurement measure(const LoadPlan& plan, Server& server, const CpuPlan& cpus) {
    Measurement m;
    CpuMeter meter(server.pid());
    SwitchMeter switches(server.pid());
    CpuNoise noise(cpus_of(cpus));
    CpuTime idle, before, after;
    LoadHooks hooks;
    hooks.all_connected = [&] {
        meter.find_processes();
        m.memory = read_memory(server.pid());
        switches.begin();
        idle = meter.read();
    };
    hooks.window_opens = [&] {
        before = meter.read();
        noise.begin();
    };
    hooks.window_closes = [&] {
        noise.end();
        meter.find_processes();
        after = meter.read();
        m.switches = part_of(switches.since_begin(), (after - before).total, (after - idle).total);
        m.memory = std::max(m.memory, read_memory(server.pid()));
    };
    hooks.interrupted = [] { return interrupted != 0; };
    fill_from_load(m, run_load(plan, hooks));
    m.server_cpu = after - before;
    m.noise = noise.share(m.server_cpu.total + m.generator_cpu);
    return m;
}

// Where one server listens; a path is gone with this.
class Place {
public:
    explicit Place(const std::string& over) {
        if (over != "unix") return;
        path_ = std::filesystem::temp_directory_path() /
                ("switchboard-bench-" + std::to_string(getpid()) + ".sock");
        remove();
    }
    ~Place() { remove(); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    std::string endpoint() const { return path_.empty() ? kFreePort : "unix:" + path_.string(); }

private:
    void remove() const {
        std::error_code none_there;
        if (!path_.empty()) std::filesystem::remove(path_, none_there);
    }

    std::filesystem::path path_;
};

Measurement measure_cell(const CompareOptions& options, const Cell& cell, const CpuPlan& cpus,
                         const std::string& folder) {
    constexpr std::size_t kSlack = 16;  // connections that the server has not seen the end of yet
    const Place place(options.over);
    const ServerSetup setup{options.protocol, cell.connections + kSlack, options.workers,
                            place.endpoint()};
    Measurement failed;
    auto server =
        Server::start(command_for(*find_server_kind(cell.server), folder, setup), cpus.server);
    if (!server) {
        failed.problem = server.error().tried();
        return failed;
    }
    Measurement m = measure(plan_for(options, cell, server->endpoint()), *server, cpus);
    failed.problem = server->why_gone();
    return failed.problem.empty() ? m : failed;
}

class Comparison {
public:
    Comparison(const CompareOptions& options, const CpuPlan& cpus)
        : folder_(own_folder()), random_(options.seed) {
        results_.options = options;
        results_.cpus = cpus;
        results_.command_line = own_command_line();
        results_.environment = describe_environment();
        for (const std::size_t size : options.sizes) {
            for (const std::size_t connections : options.connections) {
                loads_.push_back({"", size, connections});
                for (const std::string& name : options.servers) {
                    results_.at({name, size, connections});
                }
            }
        }
    }

    Results run() {
        const auto stopped = [] { return interrupted != 0; };
        run_rounds();
        if (results_.options.cost) results_.counted = count_costs(results_.options, stopped);
        results_.interrupted = stopped();
        return std::move(results_);
    }

private:
    void run_rounds() {
        const std::size_t servers = results_.options.servers.size();
        Progress progress(results_.options.rounds * loads_.size() * servers);
        for (std::size_t round = 1; round <= results_.options.rounds; ++round) {
            std::shuffle(loads_.begin(), loads_.end(), random_);
            for (const Cell& load : loads_) run_load_in_turn(load, round, progress);
        }
    }

    // All servers under one load, one after another: what is compared stands close in time.
    void run_load_in_turn(const Cell& load, std::size_t round, Progress& progress) {
        auto servers = results_.options.servers;
        std::shuffle(servers.begin(), servers.end(), random_);
        const std::string what = std::to_string(load.connections) + " x " +
                                 std::to_string(load.size) + " B, round " + std::to_string(round);
        for (const std::string& server : servers) {
            if (interrupted != 0) return;
            const Cell cell{server, load.size, load.connections};
            progress.begin(server + ", " + what);
            const Measurement m = measure_cell(results_.options, cell, results_.cpus, folder_);
            if (interrupted != 0) return;
            results_.at(cell).rounds.push_back(m);
            progress.end();
        }
        progress.milestone(what);
    }

    Results results_;
    std::string folder_;
    std::mt19937_64 random_;
    std::vector<Cell> loads_;  // without a server
};

int complain(const std::string& what) {
    std::fprintf(stderr, "switchboard-bench: %s\n", what.c_str());
    return 1;
}

// Before hours of measuring, and without making or changing a file.
Result<void> find_writable(const std::string& path) {
    if (path.empty() || access(path.c_str(), W_OK) == 0) return {};
    const auto folder = std::filesystem::absolute(path).parent_path();
    if (errno == ENOENT && access(folder.c_str(), W_OK | X_OK) == 0) return {};
    return fail_errno("write " + path);
}

bool write_file(const std::string& path, const std::string& text) {
    if (path.empty()) return true;
    std::ofstream file(path);
    file << text;
    return static_cast<bool>(file.flush());
}

bool has_figures(const Results& results) {
    return std::any_of(results.cells.begin(), results.cells.end(), [](const CellRounds& cell) {
        return summarize(cell, kThroughput).has_value();
    });
}

int tell(const Results& results) {
    const CompareOptions& options = results.options;
    std::fputs(to_text(results).c_str(), stdout);
    std::fflush(stdout);
    if (!write_file(options.json, to_json(results)))
        return complain("cannot write " + options.json);
    if (!write_file(options.csv, to_csv(results))) return complain("cannot write " + options.csv);
    if (!options.report.empty() && !write_file(options.report, to_html(results))) {
        return complain("cannot write " + options.report);
    }
    if (const std::size_t wrong = results.wrong_replies(); wrong > 0) {
        return complain("wrong bytes came back on " + std::to_string(wrong) + " connections");
    }
    if (results.interrupted) return 130;
    return has_figures(results) ? 0 : complain("nothing could be measured");
}

}  // namespace

int compare(const CompareOptions& asked) {
    CompareOptions options = asked;
    if (options.seed == 0) options.seed = std::random_device()();
    raise_descriptor_limit();
    if (auto found = find_programs(options, own_folder()); !found) {
        return complain(found.error().message());
    }
    if (auto tools = options.cost ? find_cost_tools() : Result<void>(); !tools) {
        return complain(tools.error().message());
    }
    for (const std::string& path : {options.json, options.csv, options.report}) {
        if (auto writable = find_writable(path); !writable)
            return complain(writable.error().message());
    }
    const auto cpus = plan_cpus(options.same_core);
    if (!cpus) return complain(cpus.error().message());
    if (auto pinned = pin_to(cpus->generator); !pinned) return complain(pinned.error().message());
    catch_interrupts();
    return tell(Comparison(options, *cpus).run());
}

}  // namespace switchboard::bench
