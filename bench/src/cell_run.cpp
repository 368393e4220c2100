#include "cell_run.hpp"

#include <unistd.h>
#include <filesystem>

#include "cell_parts.hpp"
#include "cpu_noise.hpp"
#include "generator.hpp"
#include "interrupt.hpp"
#include "programs.hpp"
#include "server.hpp"
#include "usage.hpp"

namespace switchboard::bench {
namespace {

// Puts `server` under load and reads what it used at the edges of the window. Context switches are
// counted from the moment the load starts: a thousand threads cannot be read at once.
Measured measure(const LoadPlan& plan, Server& server, const CpuPlan& cpus) {
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
    Measured measured;
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
    LoadPlan plan = plan_for(options, cell, round);
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
