#include "compare/saved_run.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "base/files.hpp"
#include "base/find.hpp"
#include "base/parse.hpp"
#include "base/text.hpp"
#include "compare/run_fields.hpp"

namespace switchboard::bench {
namespace {

// The parts of the environment that must be equal in both runs.
constexpr const char* kMachine[] = {
    "cpu",      "cpus",       "governor", "kernel", "cpu_time_has_interrupts", "congestion_control",
    "compiler", "build_type", "flags"};

// If the generator or other processes were in the way, what was not reached is not the server's fault.
bool is_by_server(const std::vector<Invalid>& reasons, bool hindered) {
    return std::ranges::any_of(reasons, [&](const Invalid& each) {
        if (each.reason == Reason::not_run) return false;
        return !hindered ||
               (each.reason != Reason::rate_not_reached && each.reason != Reason::not_all_served);
    });
}

RunCell& cell_of(Run& run, const std::string& load, const std::string& server) {
    RunCell* const known = find_where(
        run.cells, [&](const RunCell& cell) { return cell.load == load && cell.server == server; });
    return known != nullptr ? *known : run.cells.emplace_back(RunCell{load, server});
}

std::optional<double> figure_of(const Json& value) {
    return value.get<std::optional<double>>();
}

std::string load_of(const std::string& workload, const Json& json) {
    return fmt::format("{}, {}, {} B", workload, count_text(json.at("connections"), "connection"),
                       json.at("size").get<std::size_t>());
}

void add_cell(Run& run, const Json& json) {
    RunCell& cell = cell_of(run, load_of(json.at("workload"), json), json.at("server"));
    cell.valid = json.at("valid");
    const std::vector<Invalid> reasons = json.at("reasons"), doubts = json.at("doubts");
    cell.doubtful = !doubts.empty();
    cell.failed = is_by_server(reasons, cell.doubtful);
    cell.notes = joined(std::array{notes_of(doubts), notes_of(reasons)}, "; ");
    for (const Metric* metric : all_metrics()) {
        Rounds& rounds = cell.metrics[metric->name];
        for (const Json& round : json.at("rounds"))
            rounds.push_back(figure_of(round.at(metric->name)));
        // Like rounds_of().
        const bool lacks = std::ranges::any_of(rounds, [](const auto& each) { return !each; });
        if (is_percentile(*metric) && lacks) rounds.assign(rounds.size(), std::nullopt);
    }
}

// The CPUs that were used, whatever was requested.
std::string cpus_used(const Json& cpus) {
    const Json& server = cpus.at("server");
    if (server.size() > 1) return fmt::format("the server on {}", server.size());
    if (server.at(0) == cpus.at("generator")) return "one for both";
    const Json& one_core = cpus.at("one_core");
    if (one_core.is_null()) return "one each, of cores not known";
    return one_core ? "two threads of one core" : "one each";
}

std::string text_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

// The common part of both kinds of files; T has the options.
template <class T>
Run head_of(const std::string& file, const Json& json) {
    const Json &environment = json.at("environment"), &options = json.at("options");
    Run run{file,
            fmt::format("{}, commit {}", text_of(environment.at("date")),
                        text_of(environment.at("commit"))),
            {},
            {}};
    for (const char* name : kMachine)
        run.conditions.emplace_back(name, text_of(environment.at(name)));
    for (const Field<T>& each : fields(static_cast<const T*>(nullptr))) {
        if (each.matching == Matching::required)
            run.conditions.emplace_back(each.name, text_of(options.at(each.name)));
    }
    return run;
}

Run compare_run_of(const std::string& file, const Json& json) {
    Run run = head_of<Experiment>(file, json);
    run.conditions.emplace_back("CPUs used", cpus_used(json.at("cpus")));
    for (const Json& cell : json.at("cells")) add_cell(run, cell);
    for (const Json& knees : json.at("knees")) {
        const std::string load = load_of(json.at("options").at("workload"), knees);
        Rounds& rates = cell_of(run, load, knees.at("server")).metrics[kKnee.name];
        for (const Knee& knee : knees.at("rounds").get<std::vector<Knee>>())
            rates.push_back(knee.why_not_found.empty() ? std::optional(knee.rate) : std::nullopt);
    }
    return run;
}

// A file of `load`: one cell for each requested rate, whose rounds are in several steps.
Run load_run_of(const std::string& file, const Json& json) {
    Run run = head_of<LoadPlan>(file, json);
    const std::string load = load_of(json.at("options").at("workload"), json.at("options"));
    for (const Json& step : json.at("steps")) {
        const auto rate = figure_of(step.at("offered_rate"));
        RunCell& cell = cell_of(
            run, rate ? fmt::format("{}, {}/s offered", load, rate_text(*rate)) : load, "server");
        const bool failed = !step.at("errors").empty() || step.at("unanswered") > 0;
        cell.valid = cell.valid && !failed;
        cell.failed = cell.failed || failed;
        const auto notes = step.at("notes").get<std::vector<std::string>>();
        cell.notes = joined(std::array{cell.notes, joined(notes, "; ")}, "; ");
        cell.metrics[kThroughput.name].push_back(figure_of(step.at("throughput")));
        const Json& latency = step.at("latency");
        for (const Metric* metric : {&kP50, &kP99, &kP999, &kMax})
            cell.metrics[metric->name].push_back(
                latency.is_null() ? std::nullopt : figure_of(latency.at(metric->name)));
        const auto cpu = figure_of(step.at("server_cpu_seconds"));
        const double exchanges = step.at("exchanges");
        cell.metrics[kCpu.name].push_back(cpu && exchanges > 0 ? std::optional(*cpu / exchanges)
                                                               : std::nullopt);
    }
    return run;
}

// The library's message without its own name and error number.
std::string reason_of(const Json::exception& error) {
    const std::string what = error.what();
    const auto end = what.find("] ");
    return end == std::string::npos ? what : what.substr(end + 2);
}

}  // namespace

const Metric kKnee{"knee", "knee_per_second", true, nullptr, per_second_text};

const std::vector<const Metric*>& file_metrics() {
    static const std::vector<const Metric*> metrics = [] {
        auto all = all_metrics();
        all.push_back(&kKnee);
        return all;
    }();
    return metrics;
}

Rounds RunCell::rounds_of(const Metric& metric) const {
    const auto found = metrics.find(metric.name);
    return found == metrics.end() ? Rounds() : found->second;
}

Result<Run> parse_run(const std::string& file, const std::string& text) try {
    const Json json = Json::parse(text);
    const std::string format = json.is_object() ? json.value("format", "") : "";
    const int version = json.is_object() ? json.value("version", 0) : 0;
    if (format == kLoadFormat && version == kLoadVersion) return load_run_of(file, json);
    if (format == kCompareFormat && version == kCompareVersion) return compare_run_of(file, json);
    return fail(errc::unsupported,
                fmt::format("{}: neither '{}' version {} nor '{}' version {}", file, kCompareFormat,
                            kCompareVersion, kLoadFormat, kLoadVersion));
} catch (const Json::parse_error& error) {
    return fail(errc::malformed_message, file + ": is not JSON: " + reason_of(error));
} catch (const Json::exception& error) {
    return fail(errc::malformed_message, file + ": missing or wrong field: " + reason_of(error));
}

Result<std::string> read_run_text(const std::string& path) {
    std::error_code unknown;
    if (std::filesystem::is_directory(path, unknown))
        return fail(std::make_error_code(std::errc::is_a_directory), "read " + path);
    std::ifstream file(path);
    if (!file) return fail_errno("read " + path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<Run> read_run(const std::string& path) {
    return read_run_text(path).and_then(
        [&](const std::string& text) { return parse_run(path, text); });
}

}  // namespace switchboard::bench
