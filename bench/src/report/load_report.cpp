#include "report/load_report.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.hpp"
#include "compare/run_fields.hpp"
#include "report/json.hpp"
#include "system/cpus.hpp"

namespace switchboard::bench {

void to_json(Json& json, const LoadInterval& interval) {
    json = {{"at", interval.at},
            {"throughput", interval.throughput},
            {"p50", interval.p50},
            {"p99", interval.p99},
            {"max", interval.max}};
}

namespace {

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
    return fmt::format("{:.0f}%", part * 100);
}

// Up to the end of the last connection, if it ended early: no bytes are exchanged after it.
double bytes_rate(const LoadResult& result) {
    const double seconds = result.abandoned ? result.seconds : result.lasted;
    return seconds > 0 ? static_cast<double>(result.bytes) / seconds : 0;
}

// CPU seconds per second.
double busy(double cpu_seconds, const LoadStep& step) {
    return step.result.lasted > 0 ? cpu_seconds / step.result.lasted : 0;
}

std::string generator_note(const LoadStep& step) {
    const double generator = busy(step.result.cpu_seconds, step);
    if (generator <= kBusy) return {};
    if (!step.server_cpu)
        return fmt::format(
            "the generator's CPU was {} busy: it may be the limit (--server-pid shows the "
            "server's)",
            share_text(generator));
    const double server = busy(*step.server_cpu, step) / step.server_cpus;
    return is_generator_bound(generator, server) ? generator_bound_text(generator, server) : "";
}

// The delay is part of every latency. It is reported if it is a large part of them, or long in itself.
std::string lateness_note(const LoadStep& step) {
    constexpr double kPart = 0.1, kLeast = 50e-6, kMuch = 50e-3;
    const double late = seconds_at(step.result.lateness, 99);
    if (late <=
        std::min(kMuch, std::max(kLeast, kPart * seconds_at(step.result.tally.latency, 99))))
        return {};
    return fmt::format(
        "the generator sent requests {} after they were due (p99); this delay is part of the "
        "latency",
        seconds_text(late));
}

std::string unanswered_note(const Tally& tally) {
    if (tally.unanswered == 0) return {};
    const bool is_one = tally.unanswered == 1;
    std::string note = fmt::format("{} {} never answered", count_text(tally.unanswered, "request"),
                                   is_one ? "was" : "were");
    if (tally.due > 0)
        note += is_one ? "; it counts with the time it waited"
                       : "; they count with the time they waited";
    if (tally.unanswered == tally.due && tally.exchanges > 0)
        note += "; those answered in the window were due before it";
    return note;
}

// Lists what limited a complete step, and what was not served.
std::vector<std::string> limits_of(const LoadReport& report, const LoadStep& step) {
    const LoadResult& result = step.result;
    const Tally& tally = result.tally;
    std::vector<std::string> notes;
    if (step.offered_rate > 0 && !reaches_rate(tally.exchanges, tally.due))
        notes.push_back(fmt::format("rate not reached: {} of {}", rate_text(throughput(step)),
                                    rate_text(step.offered_rate)));
    notes.push_back(generator_note(step));
    constexpr double kTold = 0.01;  // of the window
    if (step.throttled > kTold * result.lasted)
        notes.push_back(fmt::format(
            "a CPU quota held this control group back for {} of the window: it may be the "
            "limit",
            seconds_text(step.throttled)));
    notes.push_back(lateness_note(step));
    if (result.abandoned && result.lasted > 0)
        notes.push_back(fmt::format(
            "the last connection ended {} after the window opened, which ended the measurement",
            seconds_text(result.seconds)));
    if (result.abandoned && result.lasted <= 0)
        notes.emplace_back("the last connection ended before the window opened");
    // In an open loop, not every connection need have its turn within the window.
    const std::size_t asked = report.plan.group.connections;
    const std::size_t served = report.plan.rate > 0 ? tally.answered : tally.served;
    if (served < asked)
        notes.push_back(
            fmt::format("served {} of {} connections", served, asked) +
            (tally.connected < asked ? fmt::format(", {} connected", tally.connected) : ""));
    if (tally.starved > 0)
        notes.push_back(fmt::format("{} had no reply in the second half of the window",
                                    count_text(tally.starved, "connection")));
    notes.push_back(unanswered_note(tally));
    return notes;
}

std::string latency_text(const Histogram& histogram, double percent) {
    const auto latency = percentile_of(histogram, percent);
    return latency ? seconds_text(*latency) : kNothing;
}

std::string rate_of(const LoadStep& step) {
    return step.offered_rate > 0 ? rate_text(step.offered_rate) : "closed loop";
}

// The columns of a step: heading and value.
std::vector<std::pair<std::string, std::string>> columns_of(const LoadReport& report,
                                                            const LoadStep& step) {
    const LoadResult& result = step.result;
    std::vector<std::pair<std::string, std::string>> columns{
        {"offered/s", rate_of(step)},
        {"exchanges/s", rate_text(throughput(step))},
        {"both ways", bytes_text(bytes_rate(result)) + "/s"}};
    for (const Percent& each : kPercents)
        columns.emplace_back(each.name, latency_text(result.tally.latency, each.percent));
    if (report.plan.rate > 0) {
        columns.emplace_back("uncorrected p99", latency_text(result.tally.uncorrected, 99));
        columns.emplace_back("send delay p99", latency_text(result.lateness, 99));
    }
    columns.emplace_back("own CPU", share_text(busy(result.cpu_seconds, step)));
    if (step.server_cpu)
        columns.emplace_back("server CPU", share_text(busy(*step.server_cpu, step)));
    columns.emplace_back("errors", std::to_string(result.tally.failed));
    return columns;
}

Table interval_table(const LoadReport& report, const LoadStep& step) {
    const std::string round = report.rounds == 1 ? "" : fmt::format(", round {}", step.round);
    Table table{rate_of(step) + round + ", by interval",
                {"until", "exchanges/s", "p50", "p99", "max"}};
    const auto text = [](std::optional<double> time) {
        return time ? seconds_text(*time) : kNothing;
    };
    for (const LoadInterval& each : step.intervals)
        table.rows.push_back({text(each.at), rate_text(each.throughput), text(each.p50),
                              text(each.p99), text(each.max)});
    return table;
}

Table table_of(const LoadReport& report) {
    const GroupPlan& group = report.plan.group;
    Table table{fmt::format("{} to {}, {}, {} B, depth {}", group.workload,
                            report.plan.target.to_string(),
                            count_text(group.connections, "connection"), group.size, group.depth)};
    for (const GroupPlan& background : report.plan.background)
        table.title +=
            fmt::format(", background {}:{}", background.workload, background.connections);
    for (const LoadStep& step : report.steps) {
        table.header.clear();
        Row& row = table.rows.emplace_back();
        for (auto& [head, text] : columns_of(report, step)) {
            table.header.push_back(head);
            row.push_back(text);
        }
        const std::string which = report.steps.size() > 1 ? rate_of(step) + ": " : "";
        for (const std::string& note : notes_of(report, step)) table.notes.push_back(which + note);
    }
    return table;
}

// Ten bars per decade, from the fastest reply to the slowest: both ends in seconds, and the count.
Json bars_of(const Histogram& histogram) {
    constexpr double kPerDecade = 10;
    std::map<int, std::uint64_t> counts;
    histogram.for_each([&](const Histogram::Bucket& bucket) {
        const double value = std::max<double>(1, static_cast<double>(bucket.highest));
        counts[static_cast<int>(std::floor(std::log10(value) * kPerDecade))] += bucket.count;
    });
    Json bars = Json::array();
    if (counts.empty()) return bars;
    const auto edge = [](int at) { return std::pow(10, at / kPerDecade - 9); };
    for (int at = counts.begin()->first, last = counts.rbegin()->first; at <= last; ++at)
        bars.push_back({edge(at), edge(at + 1), counts[at]});
    return bars;
}

Json json_of(const Histogram& histogram) {
    if (histogram.count() == 0) return nullptr;
    Json json{{"count", histogram.count()}, {"mean", histogram.mean() * 1e-9}};
    for (const Percent& each : kPercents) json[each.name] = percentile_of(histogram, each.percent);
    return json;
}

Json json_of(const LoadReport& report, const LoadStep& step) {
    const LoadResult& result = step.result;
    return {{"offered_rate", step.offered_rate > 0 ? Json(step.offered_rate) : Json(nullptr)},
            {"round", step.round},
            {"throughput", throughput(step)},
            {"exchanges", result.tally.exchanges},
            {"seconds", result.seconds},
            {"latency", json_of(result.tally.latency)},
            {"uncorrected", json_of(result.tally.uncorrected)},
            {"lateness", json_of(result.lateness)},
            {"connected", result.tally.connected},
            {"served", result.tally.served},
            {"starved", result.tally.starved},
            {"due", result.tally.due},
            {"unanswered", result.tally.unanswered},
            {"errors", failures_json(result.tally.failures)},
            {"generator_cpu_seconds", result.cpu_seconds},
            {"server_cpu_seconds", step.server_cpu},
            {"throttled_seconds", step.throttled},
            {"abandoned", result.abandoned},
            {"interrupted", result.interrupted},
            {"intervals", step.intervals},
            {"histogram", bars_of(result.tally.latency)},
            {"notes", notes_of(report, step)}};
}

}  // namespace

std::vector<std::string> notes_of(const LoadReport& report, const LoadStep& step) {
    const LoadResult& result = step.result;
    std::vector<std::string> notes;
    if (!result.interrupted) {
        notes = limits_of(report, step);
    } else if (result.lasted > 0) {  // limits_of() needs a complete step
        notes.push_back("interrupted after " + seconds_text(result.lasted) + " of the window");
    } else {
        notes.emplace_back("interrupted before the window opened");
    }
    if (const std::uint64_t longer = result.tally.latency.out_of_range(); longer > 0)
        notes.push_back(
            fmt::format("{} latencies were above 73 minutes and count as 73 minutes", longer));
    notes.push_back(result.tally.failures_text());
    for (std::size_t i = 0; i < result.background.size(); ++i) {
        const std::string failures = result.background[i].failures_text();
        if (!failures.empty())
            notes.push_back(
                fmt::format("background {}: {}", report.plan.background[i].workload, failures));
    }
    std::erase(notes, "");
    return notes;
}

bool has_wrong_bytes(const LoadStep& step) {
    const auto wrong = [](const Tally& tally) { return tally.wrong() > 0; };
    return wrong(step.result.tally) || std::ranges::any_of(step.result.background, wrong);
}

std::string to_text(const LoadReport& report) {
    std::string text = to_text(table_of(report));
    for (const LoadStep& step : report.steps) {
        if (report.shows_intervals) text += to_text(interval_table(report, step));
    }
    if (report.not_run > 0) text += fmt::format("\n{} more rates were not run.\n", report.not_run);
    return text;
}

std::string to_json(const LoadReport& report) {
    Json json{{"format", kLoadFormat},
              {"version", kLoadVersion},
              {"command_line", report.command_line},
              {"target", report.plan.target.to_string()},
              {"options", report.plan},
              {"environment", environment_json(describe_environment())},
              {"cpus", allowed_cpus()},
              {"steps", Json::array()}};
    json["options"]["rounds"] = report.rounds;
    for (const LoadStep& step : report.steps) json["steps"].push_back(json_of(report, step));
    return file_text(json);
}

}  // namespace switchboard::bench
