#include "run_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "format.hpp"
#include "judge.hpp"
#include "results.hpp"

namespace switchboard::bench {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

bool is_one_of(const std::string& reason, std::initializer_list<Reason> reasons) {
    return std::any_of(reasons.begin(), reasons.end(),
                       [&](Reason each) { return reason == to_string(each); });
}

// Where the generator or others were in the way, what was not reached is no fault of the server.
bool is_by_server(const Json& reasons) {
    const bool hindered = std::any_of(reasons.begin(), reasons.end(), [](const Json& each) {
        return is_one_of(each.at("reason"), {Reason::generator_saturated, Reason::noise});
    });
    return std::any_of(reasons.begin(), reasons.end(), [&](const Json& each) {
        const std::string reason = each.at("reason");
        if (is_one_of(reason, {Reason::not_run, Reason::generator_saturated, Reason::noise}))
            return false;
        return !hindered || !is_one_of(reason, {Reason::rate_not_reached, Reason::not_all_served});
    });
}

std::string load_of(const std::string& workload, const Json& json) {
    const auto connections = json.at("connections").get<std::size_t>();
    return workload + ", " + std::to_string(connections) +
           (connections == 1 ? " connection, " : " connections, ") +
           std::to_string(json.at("size").get<std::size_t>()) + " B";
}

std::optional<double> figure_of(const Json& value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

RunCell cell_of(const Json& json) {
    RunCell cell;
    cell.load = load_of(json.at("workload"), json);
    cell.server = json.at("server");
    cell.valid = json.at("valid");
    cell.failed = is_by_server(json.at("reasons"));
    for (const Json& reason : json.at("reasons")) {
        cell.notes += (cell.notes.empty() ? "" : "; ") + reason.at("text").get<std::string>();
    }
    for (const Metric* metric : all_metrics()) {
        Rounds& rounds = cell.metrics[metric->name];
        for (const Json& round : json.at("rounds"))
            rounds.push_back(figure_of(round.at(metric->name)));
        // As rounds_of() has it.
        const bool lacks = std::find(rounds.begin(), rounds.end(), std::nullopt) != rounds.end();
        if (is_percentile(*metric) && lacks) rounds.assign(rounds.size(), std::nullopt);
    }
    return cell;
}

// The cell of the same server and load as this part of the file; null where there is none.
RunCell* cell_like(Run& run, const std::string& workload, const Json& part) {
    const std::string load = load_of(workload, part), server = part.at("server");
    const auto found = std::find_if(run.cells.begin(), run.cells.end(), [&](const RunCell& cell) {
        return cell.load == load && cell.server == server;
    });
    return found == run.cells.end() ? nullptr : &*found;
}

void add_knees(Run& run, const std::string& workload, const Json& knees) {
    for (const Json& knee : knees) {
        RunCell* const cell = cell_like(run, workload, knee);
        if (cell == nullptr) continue;
        for (const Json& round : knee.at("rounds")) {
            const bool found = round.at("untold").get<std::string>().empty();
            cell->metrics[kKnee.name].push_back(found ? figure_of(round.at("rate")) : std::nullopt);
        }
    }
}

void add_counted(Run& run, const std::string& workload, const Json& exchanges) {
    for (const Json& counted : exchanges) {
        RunCell* const cell = cell_like(run, workload, counted);
        if (cell == nullptr) continue;
        for (const Metric* metric : {&kInstructions, &kCalls, &kAllocations})
            cell->metrics[metric->name] = {figure_of(counted.at(metric->name))};
    }
}

// Which CPUs were used, whatever was asked for.
std::string cpus_used(const Json& cpus) {
    const Json& server = cpus.at("server");
    if (server.size() > 1) return "the server on " + std::to_string(server.size());
    if (server.at(0) == cpus.at("generator")) return "one for both";
    const Json& one_core = cpus.at("one_core");
    if (one_core.is_null()) return "one each, of cores not known";
    return one_core ? "two threads of one core" : "one each";
}

Run run_of(const std::string& file, const Json& json) {
    Run run;
    run.file = file;
    const Json& environment = json.at("environment");
    const Json& options = json.at("options");
    run.made = text_of(environment.at("date")) + ", commit " + text_of(environment.at("commit"));
    for (const char* name : {"cpu", "cpus", "governor", "kernel", "cpu_time_has_interrupts",
                             "congestion_control", "compiler", "build_type", "flags"}) {
        run.conditions.emplace_back(name, text_of(environment.at(name)));
    }
    for (const char* name : {"workload", "reply", "depth", "beside", "work_us", "rate", "arrivals",
                             "exchanges", "duration_seconds", "over", "workers", "slo"}) {
        run.conditions.emplace_back(name, text_of(options.at(name)));
    }
    run.conditions.emplace_back("CPUs used", cpus_used(json.at("cpus")));
    for (const Json& cell : json.at("cells")) run.cells.push_back(cell_of(cell));
    add_knees(run, options.at("workload"), json.at("knees"));
    add_counted(run, options.at("workload"), json.at("counted").at("exchanges"));
    return run;
}

// The library's message without its own name and number of the error.
std::string reason_of(const Json::exception& error) {
    const std::string what = error.what();
    const auto end = what.find("] ");
    return end == std::string::npos ? what : what.substr(end + 2);
}

std::string rate_text(double rate) {
    return grouped(rate) + "/s";
}

std::string count_text(double count) {
    return fixed(count, 2);
}

}  // namespace

const Metric kKnee{"knee", true, nullptr, rate_text};
const Metric kInstructions{"instructions", false, nullptr, count_text};
const Metric kCalls{"calls", false, nullptr, count_text};
const Metric kAllocations{"allocations", false, nullptr, count_text};

const std::vector<const Metric*>& file_metrics() {
    static const std::vector<const Metric*> metrics = [] {
        std::vector<const Metric*> all = all_metrics();
        all.insert(all.end(), {&kKnee, &kInstructions, &kCalls, &kAllocations});
        return all;
    }();
    return metrics;
}

bool is_counted(const Metric& metric) noexcept {
    return &metric == &kInstructions || &metric == &kCalls || &metric == &kAllocations;
}

Rounds RunCell::rounds_of(const Metric& metric) const {
    const auto found = metrics.find(metric.name);
    return found == metrics.end() ? Rounds() : found->second;
}

Result<Run> parse_run(const std::string& file, const std::string& text) try {
    const Json json = Json::parse(text);
    const bool is_run = json.is_object() && json.value("format", "") == kCompareFormat;
    if (!is_run || json.value("version", 0) != kCompareVersion) {
        return fail(errc::unsupported, file + ": is not of '" + kCompareFormat + "' version " +
                                           std::to_string(kCompareVersion));
    }
    return run_of(file, json);
} catch (const Json::parse_error& error) {
    return fail(errc::malformed_message, file + ": is no JSON: " + reason_of(error));
} catch (const Json::exception& error) {
    return fail(errc::malformed_message, file + ": is not whole: " + reason_of(error));
}

Result<Run> read_run(const std::string& path) {
    std::error_code unknown;
    if (std::filesystem::is_directory(path, unknown)) {
        return fail(std::make_error_code(std::errc::is_a_directory), "read " + path);
    }
    std::ifstream file(path);
    if (!file) return fail_errno("read " + path);
    return parse_run(path, {std::istreambuf_iterator<char>(file), {}});
}

}  // namespace switchboard::bench
