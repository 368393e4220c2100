#include "report/json.hpp"

#include "compare/results.hpp"
#include "compare/run_fields.hpp"
#include "report_page.hpp"

namespace switchboard::bench {

Json failures_json(const FailureCounts& failures) {
    Json json = Json::object();
    for (std::size_t i = 0; i < kFailures; ++i) {
        if (failures[i] > 0) json[to_string(static_cast<Failure>(i))] = failures[i];
    }
    return json;
}

Json environment_json(const Environment& environment) {
    Json json = Json::object();
    for (const auto& [name, value] : environment) json[name] = value;
    return json;
}

std::string file_text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string page_of(const std::string& json) {
    std::string page(kPageHead);
    // In JSON, '<' occurs only in strings. In the page, it could end the enclosing element.
    for (const char c : json) c == '<' ? page.append("\\u003c") : page.append(1, c);
    return page.append(kPageTail);
}

void to_json(Json& json, const Summary& summary) {
    json = {{"median", summary.median},
            {"mad", summary.mad},
            {"min", summary.min},
            {"max", summary.max},
            {"rounds", summary.count}};
}

void to_json(Json& json, const Ratio& ratio) {
    json = static_cast<const Summary&>(ratio);
    const auto& interval = ratio.interval;
    const auto seen = difference_seen(ratio);
    json["low"] = interval ? Json(interval->low) : Json(nullptr);
    json["high"] = interval ? Json(interval->high) : Json(nullptr);
    json["no_difference_seen"] = seen ? Json(*seen == 0) : Json(nullptr);
}

void to_json(Json& json, const Skipped& skipped) {
    json = {{"server", skipped.server}, {"why", skipped.why}};
}

void to_json(Json& json, const LoadSummary& load) {
    json = {{"size", load.size}, {"connections", load.connections}, {"text", load.text}};
}

void to_json(Json& json, const Measurement& round) {
    json = {{"connected", round.connected},
            {"answered", round.answered},
            {"served", round.served},
            {"starved", round.starved},
            {"exchanges", round.exchanges},
            {"seconds", round.seconds},
            {"offered_rate", round.offered_rate},
            {"due", round.due},
            {"unanswered", round.unanswered},
            {"uncorrected_p99", kUncorrectedP99.of(round)},
            {"send_delay_p99", kSendDelayP99.of(round)},
            {"generator_cpu_seconds", round.generator_cpu},
            {"server_cpu_seconds", round.server_cpu.total},
            {"noise", round.noise},
            {"errors", failures_json(round.failures)},
            {"problem", round.problem}};
    for (const Metric* metric : all_metrics()) json[metric->name] = metric->of(round);
}

namespace {

// Pairs of percent and seconds over all rounds, if there are enough replies for the percentile.
Json percentiles_of(const Histogram& latency) {
    Json pairs = Json::array();
    for (const double percent : {0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9,
                                 99.95, 99.98, 99.99, 99.999, 100.0}) {
        if (has_percentile(latency, percent))
            pairs.push_back({percent, seconds_at(latency, percent)});
    }
    return pairs;
}

Json json_of(const Results& results, const CellRounds& cell) {
    const auto reasons = why_invalid(cell);
    const BaselineRatio rate = results.against_baseline(cell, kThroughput);
    Json json{{"workload", results.experiment.workload}};
    json.update(cell.cell);
    json.update({{"valid", reasons.empty()},
                 {"reasons", reasons},
                 {"doubts", results.why_doubtful(cell)},
                 {"rank", results.rank_of(cell)}});
    for (const Metric* metric : all_metrics()) json[metric->name] = summarize(cell, *metric);
    json.update({{"cpu_user_share", user_share(cell)},
                 {"throughput_ratio", rate.ratio},
                 {"cpu_ratio", results.against_baseline(cell, kCpu).ratio},
                 {"no_ratio", rate.ratio ? "" : rate.missing},
                 {"percentiles", percentiles_of(cell.latency)},
                 {"rounds", cell.rounds}});
    return json;
}

Json knees_of(const Results& results, const CellRounds& cell) {
    Json json = cell.cell;
    json.update({{"rate", summarize(knee_rates(cell))},
                 {"ratio", results.knee_against_baseline(cell)},
                 {"rounds", cell.knees}});
    return json;
}

}  // namespace

std::string to_json(const Results& results) {
    Json json{{"format", kCompareFormat},
              {"version", kCompareVersion},
              {"command_line", results.command_line},
              {"interrupted", results.interrupted},
              {"options", results.experiment},
              {"cpus",
               {{"server", results.cpus.of_server()},
                {"generator", results.cpus.generator},
                {"one_core", results.cpus.one_core}}},
              {"environment", environment_json(results.environment)},
              {"summary", summary_of(results)},
              {"skipped", results.skipped},
              {"cells", Json::array()},
              {"knees", Json::array()}};
    for (const CellRounds& cell : results.cells) {
        json["cells"].push_back(json_of(results, cell));
        if (!cell.knees.empty()) json["knees"].push_back(knees_of(results, cell));
    }
    return file_text(json);
}

}  // namespace switchboard::bench
