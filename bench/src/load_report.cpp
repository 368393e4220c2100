#include "load_report.hpp"

#include <algorithm>

#include "cpus.hpp"
#include "format.hpp"
#include "json_parts.hpp"
#include "judge.hpp"
#include "table.hpp"

namespace switchboard::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Percent {
    const char* name;
    double percent;
};
constexpr Percent kPercents[] = {{"p50", 50},     {"p90", 90},       {"p99", 99},
                                 {"p99.9", 99.9}, {"p99.99", 99.99}, {"max", 100}};

double throughput(const LoadStep& step) {
    return step.result.seconds > 0
               ? static_cast<double>(step.result.tally.exchanges) / step.result.seconds
               : 0;
}

std::string share_text(double part) {
    return fixed(part * 100, 0) + "%";
}

// CPU seconds a second.
double busy(double cpu_seconds, const LoadStep& step) {
    return step.result.lasted > 0 ? cpu_seconds / step.result.lasted : 0;
}

std::string generator_note(const LoadStep& step) {
    const double generator = busy(step.result.cpu_seconds, step);
    if (generator <= kBusy) return {};
    if (!step.server_cpu)
        return "the generator's CPU was " + share_text(generator) +
               " busy: it may be what limits (--server-pid tells)";
    const double server = busy(*step.server_cpu, step) / step.server_cpus;
    return is_generator_bound(generator, server)
               ? "limited by the generator: its CPU was " + share_text(generator) +
                     " busy, the server's " + share_text(server)
               : std::string();
}

std::string rate_note(const LoadStep& step) {
    const Tally& tally = step.result.tally;
    if (step.asked_rate == 0 || reaches_rate(tally.exchanges, tally.due)) return {};
    return "rate not reached: " + grouped(throughput(step)) + " of " + grouped(step.asked_rate);
}

std::string served_note(const LoadReport& report, const LoadStep& step) {
    const Tally& tally = step.result.tally;
    const std::size_t asked = report.plan.group.connections;
    // Of an open loop not each connection need have its turn within the window.
    const std::size_t served = report.plan.rate > 0 ? tally.answered : tally.served;
    if (served >= asked) return {};
    return "served " + std::to_string(served) + " of " + std::to_string(asked) + " connections" +
           (tally.connected < asked ? ", " + std::to_string(tally.connected) + " connected" : "");
}

std::string stuck_note(const LoadStep& step) {
    const std::size_t stuck = step.result.tally.stuck;
    return stuck == 0
               ? std::string()
               : std::to_string(stuck) + " connections had no reply in the window's second half";
}

std::string interrupted_note(const LoadStep& step) {
    return step.result.lasted > 0
               ? "interrupted after " + seconds_text(step.result.lasted) + " of the window"
               : "interrupted before the window opened";
}

std::string unanswered_note(const LoadStep& step) {
    const Tally& tally = step.result.tally;
    if (tally.unanswered == 0) return {};
    return grouped(static_cast<double>(tally.unanswered)) +
           (tally.unanswered == 1
                ? " request was never answered; it counts with the time it waited"
                : " requests were never answered; they count with the time they waited") +
           (tally.unanswered == tally.due && tally.exchanges > 0
                ? "; those answered in the window were due before it"
                : "");
}

std::string latency_text(const Histogram& histogram, double percent) {
    return has_percentile(histogram, percent) ? seconds_text(seconds_at(histogram, percent))
                                              : kNothing;
}

std::vector<std::string> row_of(const LoadReport& report, const LoadStep& step) {
    const LoadResult& result = step.result;
    std::vector<std::string> row{
        step.asked_rate > 0 ? grouped(step.asked_rate) : "closed loop", grouped(throughput(step)),
        bytes_text(throughput(step) * static_cast<double>(result.exchange_size)) + "/s"};
    for (const Percent& each : kPercents)
        row.push_back(latency_text(result.tally.latency, each.percent));
    if (report.plan.rate > 0) {
        row.push_back(latency_text(result.tally.uncorrected, 99));
        row.push_back(latency_text(result.lateness, 99));
    }
    row.push_back(share_text(busy(result.cpu_seconds, step)));
    if (step.server_cpu) row.push_back(share_text(busy(*step.server_cpu, step)));
    row.push_back(std::to_string(result.tally.failed));
    return row;
}

Table table_of(const LoadReport& report) {
    Table table;
    const GroupPlan& group = report.plan.group;
    table.title = group.workload + " to " + report.plan.target.to_string() + ", " +
                  std::to_string(group.connections) +
                  (group.connections == 1 ? " connection, " : " connections, ") +
                  std::to_string(group.size) + " B, depth " + std::to_string(group.depth);
    for (const GroupPlan& beside : report.plan.beside)
        table.title += ", beside " + std::to_string(beside.connections) + " " + beside.workload;
    table.header = {"asked/s", "exchanges/s", "both ways"};
    for (const Percent& each : kPercents) table.header.emplace_back(each.name);
    if (report.plan.rate > 0) {
        table.header.emplace_back("uncorrected p99");
        table.header.emplace_back("late p99");
    }
    const bool knows_server = std::any_of(report.steps.begin(), report.steps.end(),
                                          [](const LoadStep& step) { return !!step.server_cpu; });
    table.header.emplace_back("own CPU");
    if (knows_server) table.header.emplace_back("server CPU");
    table.header.emplace_back("errors");
    for (const LoadStep& step : report.steps) {
        table.rows.push_back(row_of(report, step));
        for (const std::string& note : notes_of(report, step))
            table.notes.push_back((report.steps.size() > 1 ? table.rows.back()[0] + ": " : "") +
                                  note);
    }
    return table;
}

Json json_of(const Histogram& histogram) {
    if (histogram.count() == 0) return nullptr;
    Json json{{"count", histogram.count()}, {"mean", histogram.mean() * 1e-9}};
    for (const Percent& each : kPercents) {
        json[each.name] = has_percentile(histogram, each.percent)
                              ? Json(seconds_at(histogram, each.percent))
                              : Json(nullptr);
    }
    return json;
}

Json json_of(const LoadReport& report, const LoadStep& step) {
    const LoadResult& result = step.result;
    return {{"asked_rate", step.asked_rate > 0 ? Json(step.asked_rate) : Json(nullptr)},
            {"throughput", throughput(step)},
            {"exchanges", result.tally.exchanges},
            {"seconds", result.seconds},
            {"latency", json_of(result.tally.latency)},
            {"uncorrected", json_of(result.tally.uncorrected)},
            {"lateness", json_of(result.lateness)},
            {"connected", result.tally.connected},
            {"served", result.tally.served},
            {"stuck", result.tally.stuck},
            {"due", result.tally.due},
            {"unanswered", result.tally.unanswered},
            {"errors", failures_json(result.tally.failures)},
            {"generator_cpu_seconds", result.cpu_seconds},
            {"server_cpu_seconds", step.server_cpu ? Json(*step.server_cpu) : Json(nullptr)},
            {"interrupted", result.interrupted},
            {"notes", notes_of(report, step)}};
}

Json json_of(const LoadPlan& plan) {
    Json json{{"workload", plan.group.workload},
              {"connections", plan.group.connections},
              {"size", plan.group.size},
              {"reply", plan.group.reply},
              {"depth", plan.group.depth},
              {"arrivals", plan.rate == 0                        ? Json(nullptr)
                           : plan.arrivals == Arrivals::constant ? Json("constant")
                                                                 : Json("poisson")},
              {"duration_seconds", std::chrono::duration<double>(plan.duration).count()}};
    json["beside"] = Json::array();
    for (const GroupPlan& beside : plan.beside)
        json["beside"].push_back({{"workload", beside.workload},
                                  {"connections", beside.connections},
                                  {"size", beside.size}});
    return json;
}

}  // namespace

std::vector<std::string> notes_of(const LoadReport& report, const LoadStep& step) {
    std::vector<std::string> notes;
    const auto add = [&](const std::string& note) {
        if (!note.empty()) notes.push_back(note);
    };
    if (step.result.interrupted) {
        add(interrupted_note(step));  // what it did not come to is no one's fault
    } else {
        add(rate_note(step));
        add(generator_note(step));
        add(served_note(report, step));
        add(stuck_note(step));
        add(unanswered_note(step));
    }
    add(step.result.tally.failures_text());
    for (std::size_t i = 0; i < step.result.beside.size(); ++i) {
        const std::string failures = step.result.beside[i].failures_text();
        if (!failures.empty()) add("beside, " + report.plan.beside[i].workload + ": " + failures);
    }
    return notes;
}

bool has_wrong_bytes(const LoadStep& step) {
    const auto wrong = [](const Tally& tally) { return tally.wrong() > 0; };
    const auto& beside = step.result.beside;
    return wrong(step.result.tally) || std::any_of(beside.begin(), beside.end(), wrong);
}

std::string to_text(const LoadReport& report) {
    std::string text = to_text(table_of(report));
    if (report.not_run > 0)
        text += "\n" + std::to_string(report.not_run) + " more rates were not run.\n";
    if (allowed_cpus().size() > 1)
        text +=
            "\nNot pinned: where the scheduler puts this and the server changes the figures "
            "severalfold (taskset -c N).\n";
    return text;
}

std::string to_json(const LoadReport& report) {
    Json json{{"format", "switchboard-bench load"}, {"version", 1}};
    json["command_line"] = report.command_line;
    json["target"] = report.plan.target.to_string();
    json["options"] = json_of(report.plan);
    json["environment"] = environment_json(describe_environment());
    json["cpus"] = allowed_cpus();
    json["steps"] = Json::array();
    for (const LoadStep& step : report.steps) json["steps"].push_back(json_of(report, step));
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace switchboard::bench
