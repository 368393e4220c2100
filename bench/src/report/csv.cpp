#include <fmt/core.h>
#include <charconv>

#include "compare/results.hpp"

namespace switchboard::bench {
namespace {

// The columns of metrics() follow.
constexpr const char* kFirstColumns =
    "workload,server,connections,message_bytes,round,valid,reasons,served_connections,"
    "failed_connections,exchanges,window_seconds,generator_cpu_seconds,noise_share,due,unanswered";

std::vector<const Metric*> metrics() {
    std::vector<const Metric*> all{&kUncorrectedP99, &kSendDelayP99};
    all.insert(all.end(), all_metrics().begin(), all_metrics().end());
    return all;
}

// Quoted only if RFC 4180 requires it.
std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

// The shortest text that reads back as the same number; empty if there is no figure.
std::string exact(const std::optional<double>& value) {
    char text[32];
    return value ? std::string(text, std::to_chars(text, text + sizeof text, *value).ptr) : "";
}

std::string line_of(const Results& results, const CellRounds& cell, std::size_t round) {
    const Measurement& m = cell.rounds[round];
    const auto reasons = why_invalid(cell);
    std::string line = fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{}", quoted(results.experiment.workload),
        quoted(cell.cell.server), cell.cell.connections, cell.cell.size, round + 1,
        reasons.empty() ? "yes" : "no",
        joined(reasons, " ", [](const Invalid& each) { return to_string(each.reason); }), m.served,
        m.failed, m.exchanges, exact(m.seconds), exact(m.generator_cpu));
    const auto add = [&](const std::string& value) { line += "," + value; };
    add(exact(m.noise));
    add(m.offered_rate ? std::to_string(m.due) : "");
    add(m.offered_rate ? std::to_string(m.unanswered) : "");
    for (const Metric* metric : metrics()) add(exact(metric->of(m)));
    return line + "\n";
}

}  // namespace

std::string to_csv(const Results& results) {
    std::string text = kFirstColumns;
    for (const Metric* metric : metrics()) text += std::string(",") + metric->column;
    text += "\n";
    for (const CellRounds& cell : results.cells) {
        for (std::size_t i = 0; i < cell.rounds.size(); ++i) text += line_of(results, cell, i);
    }
    return text;
}

}  // namespace switchboard::bench
