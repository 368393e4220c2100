#include <nlohmann/json.hpp>

#include "results.hpp"

namespace switchboard::bench {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::optional<Summary>& summary) {
    if (!summary) return nullptr;
    return {{"median", summary->median},
            {"mad", summary->mad},
            {"min", summary->min},
            {"max", summary->max},
            {"rounds", summary->count}};
}

Json json_of(const FailureCounts& failures) {
    Json json = Json::object();
    for (std::size_t i = 0; i < kFailures; ++i) {
        if (failures[i] > 0) json[to_string(static_cast<Failure>(i))] = failures[i];
    }
    return json;
}

Json json_of(const Measurement& round) {
    Json json{{"connected", round.connected},
              {"answered", round.answered},
              {"served", round.served},
              {"exchanges", round.exchanges},
              {"seconds", round.seconds},
              {"generator_cpu_seconds", round.generator_cpu},
              {"server_cpu_seconds", round.server_cpu.total},
              {"errors", json_of(round.failures)}};
    if (!round.problem.empty()) json["problem"] = round.problem;
    for (const Metric* metric : all_metrics()) {
        const auto value = metric->of(round);
        json[metric->name] = value ? Json(*value) : Json(nullptr);
    }
    return json;
}

Json json_of(const Results& results, const CellRounds& cell) {
    Json json{{"server", cell.cell.server},
              {"connections", cell.cell.connections},
              {"size", cell.cell.size},
              {"whole", is_whole(cell)},
              {"notes", notes_of(cell)}};
    for (const Metric* metric : all_metrics())
        json[metric->name] = json_of(summarize(cell, *metric));
    const auto user = user_share(cell);
    json["cpu_user_share"] = user ? Json(*user) : Json(nullptr);
    const CellRounds* base = results.baseline_of(cell.cell);
    json["throughput_ratio"] = json_of(base ? ratio(cell, *base, kThroughput) : std::nullopt);
    json["cpu_ratio"] = json_of(base ? ratio(cell, *base, kCpu) : std::nullopt);
    json["rounds"] = Json::array();
    for (const Measurement& round : cell.rounds) json["rounds"].push_back(json_of(round));
    return json;
}

Json json_of(const CompareOptions& options) {
    return {{"protocol", options.protocol},
            {"servers", options.servers},
            {"connections", options.connections},
            {"sizes", options.sizes},
            {"depth", options.depth},
            {"duration_seconds", std::chrono::duration<double>(options.duration).count()},
            {"rounds", options.rounds},
            {"workers", options.workers},
            {"baseline", options.baseline},
            {"over", options.over},
            {"seed", options.seed},
            {"same_core", options.same_core}};
}

}  // namespace

std::string to_json(const Results& results) {
    Json json{{"format", "switchboard-bench compare"}, {"version", 1}};
    json["command_line"] = results.command_line;
    json["interrupted"] = results.interrupted;
    json["options"] = json_of(results.options);
    json["cpus"] = {{"server", results.cpus.server}, {"generator", results.cpus.generator}};
    json["environment"] = Json::object();
    for (const auto& [name, value] : results.environment) json["environment"][name] = value;
    json["left_out"] = Json::array();
    for (const LeftOut& each : results.left_out) {
        json["left_out"].push_back({{"server", each.server}, {"why", each.why}});
    }
    json["cells"] = Json::array();
    for (const CellRounds& cell : results.cells) json["cells"].push_back(json_of(results, cell));
    // What a server wrote may be no UTF-8; the file must be JSON all the same.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace switchboard::bench
