#include <charconv>

#include "results.hpp"

namespace switchboard::bench {
namespace {

// A column: its name, with the unit, and its value in one round.
struct Column {
    const char* name;
    const Metric* metric;
};
constexpr Column kMetricColumns[] = {
    {"throughput_per_second", &kThroughput},
    {"p50_seconds", &kP50},
    {"p99_seconds", &kP99},
    {"p99.9_seconds", &kP999},
    {"max_seconds", &kMax},
    {"cpu_seconds_per_exchange", &kCpu},
    {"voluntary_switches_per_exchange", &kVoluntary},
    {"involuntary_switches_per_exchange", &kInvoluntary},
    {"memory_bytes", &kMemory},
};

constexpr const char* kFirstColumns =
    "workload,server,connections,message_bytes,round,valid,reasons,served_connections,"
    "failed_connections,exchanges,window_seconds,generator_cpu_seconds,noise_share,due,unanswered,"
    "uncorrected_p99_seconds,late_p99_seconds";

// In quotes where it has to be (RFC 4180).
std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

// As short as it can be read back unchanged.
std::string exact(double value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string words_of(const std::vector<Invalid>& reasons) {
    std::string words;
    for (const Invalid& invalid : reasons) {
        words += (words.empty() ? "" : " ") + std::string(to_string(invalid.reason));
    }
    return words;
}

std::string line_of(const Results& results, const CellRounds& cell, std::size_t round) {
    const Measurement& m = cell.rounds[round];
    const auto reasons = results.why_invalid(cell);
    std::string line = quoted(results.options.workload) + "," + quoted(cell.cell.server);
    const auto add = [&](const std::string& value) { line += "," + value; };
    add(std::to_string(cell.cell.connections));
    add(std::to_string(cell.cell.size));
    add(std::to_string(round + 1));
    add(reasons.empty() ? "yes" : "no");
    add(words_of(reasons));
    add(std::to_string(m.served));
    add(std::to_string(m.failed));
    add(std::to_string(m.exchanges));
    add(exact(m.seconds));
    add(exact(m.generator_cpu));
    add(m.noise ? exact(*m.noise) : "");
    add(m.asked_rate ? std::to_string(m.due) : "");
    add(m.asked_rate ? std::to_string(m.unanswered) : "");
    const auto add_metric = [&](const Metric& metric) {
        const auto value = metric.of(m);
        add(value ? exact(*value) : "");
    };
    add_metric(kUncorrectedP99);
    add_metric(kLateP99);
    for (const Column& column : kMetricColumns) add_metric(*column.metric);
    return line + "\n";
}

}  // namespace

std::string to_csv(const Results& results) {
    std::string text = kFirstColumns;
    for (const Column& column : kMetricColumns) text += std::string(",") + column.name;
    text += "\n";
    for (const CellRounds& cell : results.cells) {
        for (std::size_t i = 0; i < cell.rounds.size(); ++i) text += line_of(results, cell, i);
    }
    return text;
}

}  // namespace switchboard::bench
