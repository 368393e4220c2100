#include "json_parts.hpp"
#include "results.hpp"

namespace switchboard::bench {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json json_or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json json_of(const std::optional<Summary>& summary) {
    if (!summary) return nullptr;
    return {{"median", summary->median},
            {"mad", summary->mad},
            {"min", summary->min},
            {"max", summary->max},
            {"rounds", summary->count}};
}

Json json_of(const std::optional<Ratio>& ratio) {
    Json json = json_of(std::optional<Summary>(ratio));
    if (!ratio) return json;
    const auto& interval = ratio->interval;
    json["low"] = interval ? Json(interval->low) : Json(nullptr);
    json["high"] = interval ? Json(interval->high) : Json(nullptr);
    const auto seen = difference_seen(*ratio);
    json["no_difference_seen"] = seen ? Json(*seen == 0) : Json(nullptr);
    return json;
}

Json json_of(const Measurement& round) {
    Json json{{"connected", round.connected},
              {"answered", round.answered},
              {"served", round.served},
              {"stuck", round.stuck},
              {"exchanges", round.exchanges},
              {"seconds", round.seconds},
              {"asked_rate", json_or_null(round.asked_rate)},
              {"due", round.due},
              {"unanswered", round.unanswered},
              {"uncorrected_p99", json_or_null(kUncorrectedP99.of(round))},
              {"late_p99", json_or_null(kLateP99.of(round))},
              {"generator_cpu_seconds", round.generator_cpu},
              {"server_cpu_seconds", round.server_cpu.total},
              {"noise", json_or_null(round.noise)},
              {"errors", failures_json(round.failures)},
              {"problem", round.problem}};
    for (const Metric* metric : all_metrics()) {
        json[metric->name] = json_or_null(metric->of(round));
    }
    return json;
}

Json json_of(const std::vector<Invalid>& reasons) {
    Json json = Json::array();
    for (const Invalid& invalid : reasons) {
        json.push_back({{"reason", to_string(invalid.reason)}, {"text", invalid.text}});
    }
    return json;
}

Json json_of(const Results& results, const CellRounds& cell) {
    const auto reasons = results.why_invalid(cell);
    const Against rate = results.against_baseline(cell, kThroughput);
    Json json{{"workload", results.options.workload},
              {"server", cell.cell.server},
              {"connections", cell.cell.connections},
              {"size", cell.cell.size},
              {"valid", reasons.empty()},
              {"reasons", json_of(reasons)},
              {"rank", json_or_null(results.rank_of(cell))}};
    for (const Metric* metric : all_metrics())
        json[metric->name] = json_of(summarize(cell, *metric));
    json["cpu_user_share"] = json_or_null(user_share(cell));
    json["throughput_ratio"] = json_of(rate.ratio);
    json["cpu_ratio"] = json_of(results.against_baseline(cell, kCpu).ratio);
    json["no_ratio"] = rate.missing;
    json["rounds"] = Json::array();
    for (const Measurement& round : cell.rounds) json["rounds"].push_back(json_of(round));
    return json;
}

Json json_of(const CompareOptions& options) {
    return {
        {"workload", options.workload},
        {"scenario", options.scenario},
        {"servers", options.servers},
        {"connections", options.connections},
        {"sizes", options.sizes},
        {"reply", options.reply},
        {"depth", options.depth},
        {"beside", options.beside},
        {"work_us", options.work.count()},
        {"rate", options.rate > 0 ? Json(options.rate) : Json(nullptr)},
        {"arrivals", options.arrivals == Arrivals::poisson ? "poisson" : "constant"},
        {"exchanges", options.exchanges == Load::kNoEnd ? Json(nullptr) : Json(options.exchanges)},
        {"duration_seconds", std::chrono::duration<double>(options.duration).count()},
        {"rounds", options.rounds},
        {"workers", options.workers},
        {"baseline", options.baseline},
        {"over", options.over},
        {"seed", options.seed},
        {"same_core", options.same_core},
        {"spread", options.spread},
        {"slo", options.slo ? Json(options.slo->text) : Json(nullptr)},
        {"noise", options.noise}};
}

Json json_of(const Knee& knee) {
    Json probes = Json::array();
    for (const Probe& probe : knee.probes) {
        probes.push_back({{"rate", probe.rate},
                          {"reached", probe.reached},
                          {"latency", probe.latency},
                          {"holds", json_or_null(probe.holds)},
                          {"why", probe.why}});
    }
    return {{"rate", knee.rate},
            {"at_ceiling", knee.is_at_ceiling()},
            {"untold", knee.untold},
            {"probes", std::move(probes)}};
}

Json knees_of(const Results& results, const CellRounds& cell) {
    Json rounds = Json::array();
    for (const Knee& knee : cell.knees) rounds.push_back(json_of(knee));
    return {{"server", cell.cell.server},
            {"connections", cell.cell.connections},
            {"size", cell.cell.size},
            {"rate", json_of(summarize(knee_rates(cell)))},
            {"ratio", json_of(results.knee_against_baseline(cell))},
            {"rounds", std::move(rounds)}};
}

Json json_of(const Counted& counted) {
    Json exchanges = Json::array(), idle = Json::array();
    for (const CountedExchange& exchange : counted.exchanges) {
        const CostCase& what = exchange.what;
        Json row{{"server", what.server}, {"connections", what.connections}, {"size", what.size}};
        for (const CostFigure& figure : cost_figures()) {
            row[figure.name] = exchange.cost ? Json(*exchange.cost.*figure.value) : Json(nullptr);
        }
        row["problem"] = exchange.problem;
        exchanges.push_back(std::move(row));
    }
    for (const CountedIdle& one : counted.idle) {
        idle.push_back({{"server", one.server},
                        {"connections", one.connections},
                        {"bytes", json_or_null(one.bytes)},
                        {"problem", one.problem}});
    }
    return {{"exchanges", std::move(exchanges)}, {"idle", std::move(idle)}};
}

}  // namespace

std::string to_json(const Results& results) {
    Json json{{"format", kCompareFormat}, {"version", kCompareVersion}};
    json["command_line"] = results.command_line;
    json["interrupted"] = results.interrupted;
    json["options"] = json_of(results.options);
    json["cpus"] = {{"server", results.cpus.of_server()},
                    {"generator", results.cpus.generator},
                    {"one_core", json_or_null(results.cpus.one_core)}};
    json["environment"] = environment_json(results.environment);
    json["left_out"] = Json::array();
    for (const LeftOut& each : results.left_out) {
        json["left_out"].push_back({{"server", each.server}, {"why", each.why}});
    }
    json["cells"] = Json::array();
    for (const CellRounds& cell : results.cells) json["cells"].push_back(json_of(results, cell));
    json["knees"] = Json::array();
    for (const CellRounds& cell : results.cells) {
        if (!cell.knees.empty()) json["knees"].push_back(knees_of(results, cell));
    }
    json["counted"] = json_of(results.counted);
    // What a server wrote may be no UTF-8; the file must be JSON all the same.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace switchboard::bench
