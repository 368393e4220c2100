#include "compare/run_cell.hpp"

#include <fmt/core.h>
#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <switchboard/replies.hpp>

#include "base/files.hpp"
#include "generator/generator.hpp"
#include "system/certificate.hpp"
#include "system/noise.hpp"
#include "system/server_process.hpp"
#include "system/usage.hpp"

namespace switchboard::bench {
namespace {

// If background connections fail, the cell is not what its title says.
void add_failures(Measurement& m, const Tally& background) {
    m.failed += background.failed;
    std::transform(m.failures.begin(), m.failures.end(), background.failures.begin(),
                   m.failures.begin(), std::plus<>());
    if (m.first_failure.empty()) m.first_failure = background.first_failure;
}

// The window's part of the time between the two readings.
double part_of_window(const LoadResult& load) {
    return load.lasted > 0 ? load.seconds / load.lasted : 0;
}

Measurement figures_of(const LoadResult& load) {
    const Tally& tally = load.tally;
    Measurement m;
    m.connected = tally.connected;
    m.answered = tally.answered;
    m.served = tally.served;
    m.starved = tally.starved;
    m.exchanges = tally.exchanges;
    m.seconds = load.seconds;
    m.generator_cpu = load.cpu_seconds * part_of_window(load);
    m.latencies = tally.latency.count();
    m.p50 = seconds_at(tally.latency, 50);
    m.p99 = seconds_at(tally.latency, 99);
    m.p999 = seconds_at(tally.latency, 99.9);
    m.max = seconds_at(tally.latency, 100);
    m.failed = tally.failed;
    m.failures = tally.failures;
    m.first_failure = tally.first_failure;
    m.due = tally.due;
    m.unanswered = tally.unanswered;
    m.uncorrected_p99 = seconds_at(tally.uncorrected, 99);
    m.send_delay_p99 = seconds_at(load.lateness, 99);
    for (const Tally& background : load.background) add_failures(m, background);
    return m;
}

// Returns the window's part of what was counted over a longer time of the same load, by CPU time.
std::optional<Switches> part_of(const std::optional<Switches>& counted, double window, double all) {
    if (!counted || all <= 0) return std::nullopt;
    return Switches{counted->voluntary * window / all, counted->involuntary * window / all};
}

// Puts `server` under load and reads its usage at the edges of the window. Context switches are counted from
// the start of the load: a thousand threads cannot be read at once.
CellRun measure(const LoadPlan& plan, Server& server, const CpuPlan& cpus) {
    CpuMeter meter(server.pid());
    SwitchMeter switches(server.pid());
    CpuNoise noise(cpus.used());
    Readings readings;
    LoadHooks hooks;
    hooks.all_connected = [&] {
        meter.find_processes();
        readings.memory_idle = read_memory(server.pid());
        switches.begin();
        readings.idle = meter.read();
    };
    hooks.window_opens = [&] {
        readings.before = meter.read();
        noise.begin();
    };
    hooks.window_closes = [&] {
        noise.end();
        readings.after = meter.read();
    };
    hooks.at_rest = [&] {
        readings.switches = switches.since_begin();
        readings.rest = meter.read();
        readings.memory_rest = read_memory(server.pid());
    };
    hooks.interrupted = [](const Tally&) { return is_interrupted(); };
    auto load = run_load(plan, hooks);
    CellRun measured;
    if (!load) {
        measured.figures.problem = load.error().message();
        return measured;
    }
    measured.figures = figures_of(plan, *load, readings);
    measured.figures.noise = noise.share(own_cpu(*load, readings));
    measured.latency = std::move(load->tally.latency);
    return measured;
}

bool is_short(const LoadPlan& plan) {
    return find_workload_kind(plan.group.workload)->manner == WorkloadKind::Manner::connects;
}

std::size_t seen_at_once(const LoadPlan& plan) {
    constexpr std::size_t kSlack = 16;  // connections whose end the server has not seen yet
    const std::size_t all = all_connections(plan);
    return is_short(plan) ? short_seen_at_once(all) : all + kSlack;
}

// The address of one server. The destructor removes its path.
class Place {
public:
    explicit Place(const std::string& over) {
        if (over != "unix") return;
        path_ = std::filesystem::temp_directory_path() /
                fmt::format("switchboard-bench-{}.sock", getpid());
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

LoadPlan plan_for(const Experiment& experiment, const Cell& cell, std::size_t round) {
    LoadPlan plan;
    plan.group = {.workload = experiment.workload,
                  .connections = cell.connections,
                  .size = cell.size,
                  .reply = experiment.reply,
                  .depth = experiment.depth,
                  .script = experiment.script,
                  .tls = experiment.over == "tls"};
    for (const std::string& background : experiment.background) {
        plan.background.push_back(*parse_background(background, cell.size));
        plan.background.back().tls = plan.group.tls;
    }
    plan.rate = experiment.rate;
    plan.arrivals = experiment.arrivals;
    plan.seed = experiment.seed + round;
    plan.exchanges = experiment.exchanges;
    plan.quiet_period = experiment.quiet_period();
    plan.warm_up = experiment.warm_up();
    plan.duration = experiment.duration;
    return plan;
}

double own_cpu(const LoadResult& load, const Readings& readings) {
    return readings.used().total + load.cpu_seconds;
}

Measurement figures_of(const LoadPlan& plan, const LoadResult& load, const Readings& readings) {
    Measurement m = figures_of(load);
    if (plan.rate > 0) m.offered_rate = plan.rate;
    m.server_cpu = readings.used() * part_of_window(load);
    m.switches =
        part_of(readings.switches, m.server_cpu.total, (readings.rest - readings.idle).total);
    m.memory = std::max(readings.memory_idle, readings.memory_rest);
    return m;
}

double cpus_free(const CpuPlan& cpus, const Measurement& figures, std::size_t most) {
    const auto all = static_cast<double>(cpus.of_server().size());
    const auto wanted = static_cast<double>(most);
    if (!cpus.spread() || figures.seconds <= 0) return std::min(wanted, all);
    const double left = std::max(all - figures.generator_cpu / figures.seconds,
                                 figures.server_cpu.total / figures.seconds);
    return std::min(wanted, left);
}

CellRun measure_cell(const Experiment& experiment, const Cell& cell, const CpuPlan& cpus,
                     std::size_t round) {
    const Place place(experiment.over);
    LoadPlan plan = plan_for(experiment, cell, round);
    const WorkloadKind& workload = *find_workload_kind(experiment.workload);
    ServerSetup setup{std::string(workload.protocol), seen_at_once(plan), experiment.workers,
                      place.endpoint()};
    if (workload.tells_size()) setup.options.push_back(fmt::format("size={}", cell.size));
    if (experiment.work_steps > 0)
        setup.options.push_back(fmt::format("work={}", experiment.work_steps));
    CellRun failed;
    const auto certificate = CertificateFiles::make_if(plan.group.tls);
    if (!certificate) {
        failed.figures.problem = certificate.error().message();
        return failed;
    }
    if (*certificate) setup.tls = (*certificate)->paths();
    const ServerKind kind = *experiment.server(cell.server);
    auto server = kind.is_own()
                      ? Server::start_own(kind, cpus.of_server())
                      : Server::start(command_for(kind, own_folder(), setup), cpus.of_server());
    if (!server) {
        failed.figures.problem = server.error().context();
        return failed;
    }
    plan.target = server->endpoint();
    CellRun measured = measure(plan, *server, cpus);
    Measurement& figures = measured.figures;
    figures.server_cpus =
        cpus_free(cpus, figures, kind.most_cpus(cell.connections, experiment.workers));
    // Its CPU use is unknown, and would be taken for that of other processes.
    if (kind.endpoint) figures.noise.reset();
    // Threads and processes that end take their counts with them, and their absence would not be noticed.
    if (is_short(plan) && kind.forks()) figures.switches.reset();
    failed.figures.problem = server->why_gone();
    if (failed.figures.problem.empty()) return measured;
    // The results before its end are discarded, except for wrong bytes.
    failed.figures.failed = measured.figures.failed;
    failed.figures.failures = measured.figures.failures;
    return failed;
}

std::uint64_t calibrate(std::chrono::microseconds work) {
    using Clock = std::chrono::steady_clock;
    constexpr std::uint64_t kSteps = 1'000'000;
    if (work.count() == 0) return 0;
    Clock::duration fastest = Clock::duration::max();
    for (int i = 0; i < 20; ++i) {
        const auto began = Clock::now();
        [[maybe_unused]] const volatile std::uint64_t worked = do_work(kSteps);
        fastest = std::min(fastest, Clock::now() - began);
    }
    const std::chrono::duration<double> step = std::chrono::duration<double>(fastest) / kSteps;
    return static_cast<std::uint64_t>(std::chrono::duration<double>(work) / step);
}

}  // namespace switchboard::bench
