#include "run_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

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

RunCell cell_of(const Json& json) {
    RunCell cell;
    const auto connections = json.at("connections").get<std::size_t>();
    cell.load = json.at("workload").get<std::string>() + ", " + std::to_string(connections) +
                (connections == 1 ? " connection, " : " connections, ") +
                std::to_string(json.at("size").get<std::size_t>()) + " B";
    cell.server = json.at("server");
    cell.valid = json.at("valid");
    cell.failed = is_by_server(json.at("reasons"));
    for (const Json& reason : json.at("reasons")) {
        cell.notes += (cell.notes.empty() ? "" : "; ") + reason.at("text").get<std::string>();
    }
    for (const Metric* metric : all_metrics()) {
        Rounds& rounds = cell.metrics[metric->name];
        for (const Json& round : json.at("rounds")) {
            const Json& value = round.at(metric->name);
            rounds.push_back(value.is_null() ? std::nullopt : std::optional(value.get<double>()));
        }
    }
    return cell;
}

Run run_of(const std::string& file, const Json& json) {
    Run run;
    run.file = file;
    const Json& environment = json.at("environment");
    const Json& options = json.at("options");
    run.made = text_of(environment.at("date")) + ", commit " + text_of(environment.at("commit"));
    for (const char* name : {"cpu", "cpus", "kernel", "build_type"}) {
        run.conditions.emplace_back(name, text_of(environment.at(name)));
    }
    for (const char* name :
         {"workload", "reply", "depth", "beside", "work_us", "rate", "arrivals", "exchanges",
          "duration_seconds", "over", "same_core", "spread", "workers"}) {
        run.conditions.emplace_back(name, text_of(options.at(name)));
    }
    for (const Json& cell : json.at("cells")) run.cells.push_back(cell_of(cell));
    return run;
}

// The library's message without its own name and number of the error.
std::string reason_of(const Json::exception& error) {
    const std::string what = error.what();
    const auto end = what.find("] ");
    return end == std::string::npos ? what : what.substr(end + 2);
}

}  // namespace

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
