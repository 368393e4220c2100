#include "cell_run.hpp"

#include <unistd.h>
#include <algorithm>
#include <filesystem>

#include "cpu_noise.hpp"
#include "generator.hpp"
#include "interrupt.hpp"
#include "programs.hpp"
#include "server.hpp"
#include "usage.hpp"

namespace switchboard::bench {
namespace {

// Without those beside it a cell is not what its title says.
void add_failures(Measurement& m, const Tally& beside) {
    m.failed += beside.failed;
    std::transform(m.failures.begin(), m.failures.end(), beside.failures.begin(),
                   m.failures.begin(), std::plus<>());
    if (m.first_failure.empty()) m.first_failure = beside.first_failure;
}

// Of what was used while it was looked at.
double part_of_window(const LoadResult& load) {
    return load.lasted > 0 ? load.seconds / load.lasted : 0;
}

void fill_from_load(Measurement& m, const LoadResult& load) {
    const auto seconds = [&](double percent) {
        return static_cast<double>(load.tally.latency.percentile(percent)) * 1e-9;
    };
    m.connected = load.tally.connected;
    m.answered = load.tally.answered;
    m.served = load.tally.served;
    m.stuck = load.tally.stuck;
    m.exchanges = load.tally.exchanges;
    m.seconds = load.seconds;
    m.generator_cpu = load.cpu_seconds * part_of_window(load);
    m.latencies = load.tally.latency.count();
    m.p50 = seconds(50);
    m.p99 = seconds(99);
    m.p999 = seconds(99.9);
    m.max = seconds(100);
    m.failed = load.tally.failed;
    m.failures = load.tally.failures;
    m.first_failure = load.tally.first_failure;
    m.due = load.tally.due;
    m.unanswered = load.tally.unanswered;
    m.uncorrected_p99 = static_cast<double>(load.tally.uncorrected.percentile(99)) * 1e-9;
    m.late_p99 = static_cast<double>(load.lateness.percentile(99)) * 1e-9;
    for (const Tally& beside : load.beside) add_failures(m, beside);
}

LoadPlan plan_for(const CompareOptions& options, const Cell& cell) {
    LoadPlan plan;
    plan.group = {.workload = options.workload,
                  .connections = cell.connections,
                  .size = cell.size,
                  .reply = options.reply,
                  .depth = options.depth};
    for (const std::string& beside : options.beside)
        plan.beside.push_back(*parse_beside(beside, cell.size));
    plan.rate = options.rate;
    plan.arrivals = options.arrivals;
    plan.seed = options.seed;
    plan.exchanges = options.exchanges;
    plan.settle = options.settle();
    plan.warm_up = options.warm_up();
    plan.duration = options.duration;
    return plan;
}

// The window's part of what was counted over a longer time of the same load: that of the CPU time.
std::optional<Switches> part_of(const std::optional<Switches>& counted, double window, double all) {
    if (!counted || all <= 0) return std::nullopt;
    return Switches{counted->voluntary * window / all, counted->involuntary * window / all};
}

// Puts `server` under load and reads what it used at the edges of the window. Context switches are
// counted from the moment the load starts: a thousand threads cannot be read at once.
Measured measure(const LoadPlan& plan, Server& server, const CpuPlan& cpus) {
    Measured measured;
    Measurement& m = measured.figures;
    CpuMeter meter(server.pid());
    SwitchMeter switches(server.pid());
    CpuNoise noise(cpus.used());
    CpuTime idle, before, after, rest;
    std::optional<Switches> counted;
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
        after = meter.read();
    };
    hooks.at_rest = [&] {
        counted = switches.since_begin();
        rest = meter.read();
        m.memory = std::max(m.memory, read_memory(server.pid()));
    };
    hooks.interrupted = [](const Tally&) { return is_interrupted(); };
    auto load = run_load(plan, hooks);
    if (!load) {
        m.problem = load.error().message();
        return measured;
    }
    fill_from_load(m, *load);
    m.held = all_connections(plan);
    if (plan.rate > 0) m.asked_rate = plan.rate;
    const CpuTime used = after - before;
    m.server_cpu = used * part_of_window(*load);
    m.switches = part_of(counted, m.server_cpu.total, (rest - idle).total);
    m.noise = noise.share(used.total + load->cpu_seconds);
    measured.latency = std::move(load->tally.latency);
    return measured;
}

bool is_short(const LoadPlan& plan) {
    return find_workload_kind(plan.group.workload)->manner == WorkloadKind::Manner::connects;
}

// Of a server that can use `most`: what it might have had. Spread, it shares one with the generator.
double cpus_free(const CpuPlan& cpus, const Measurement& m, std::size_t most) {
    const auto all = static_cast<double>(cpus.of_server().size());
    if (!cpus.spread() || m.seconds <= 0) return std::min(static_cast<double>(most), all);
    const double left = std::max(all - m.generator_cpu / m.seconds, m.server_cpu.total / m.seconds);
    return std::min(static_cast<double>(most), left);
}

std::size_t seen_at_once(const LoadPlan& plan) {
    constexpr std::size_t kSlack = 16;  // connections that the server has not seen the end of yet
    const std::size_t all = all_connections(plan);
    return is_short(plan) ? short_seen_at_once(all) : all + kSlack;
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

}  // namespace

Measured measure_cell(const CompareOptions& options, const Cell& cell, const CpuPlan& cpus,
                      std::size_t round) {
    const Place place(options.over);
    LoadPlan plan = plan_for(options, cell);
    plan.seed += round;
    ServerSetup setup{std::string(find_workload_kind(options.workload)->protocol),
                      seen_at_once(plan), options.workers, place.endpoint()};
    if (options.work_steps > 0)
        setup.options.push_back("work=" + std::to_string(options.work_steps));
    Measured failed;
    const ServerKind kind = *find_server_kind(cell.server);
    auto server = Server::start(command_for(kind, own_folder(), setup), cpus.of_server());
    if (!server) {
        failed.figures.problem = server.error().tried();
        return failed;
    }
    plan.target = server->endpoint();
    Measured measured = measure(plan, *server, cpus);
    Measurement& figures = measured.figures;
    figures.server_cpus =
        cpus_free(cpus, figures, kind.most_cpus(cell.connections, options.workers));
    // What ends takes its count with it, and is not there to be missed.
    if (is_short(plan) && kind.forks()) figures.switches.reset();
    failed.figures.problem = server->why_gone();
    if (failed.figures.problem.empty()) return measured;
    // What came before it ended stands for nothing, but a wrong byte is not forgotten.
    failed.figures.failed = measured.figures.failed;
    failed.figures.failures = measured.figures.failures;
    return failed;
}

}  // namespace switchboard::bench
