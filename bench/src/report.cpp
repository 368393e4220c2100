#include "format.hpp"
#include "plot.hpp"
#include "results.hpp"

namespace switchboard::bench {
namespace {

// Readable on a phone (tables scroll on their own), in print and in the dark; plots keep a white
// ground, as their ink is black.
constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>switchboard-bench compare</title>
<style>
:root { color-scheme: light dark; --line: #8884; --faint: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
tbody tr:nth-child(odd) { background: var(--faint); }
th:first-child, td:first-child { position: sticky; left: 0; background: Canvas; }
.facts table { white-space: normal; } .facts td { text-align: left; overflow-wrap: anywhere; }
.facts td:first-child { white-space: nowrap; }
.notes { font-size: .9rem; margin: .4rem 0; }
figure { margin: 1rem 0; background: #fff; border-radius: 6px; padding: .4rem; break-inside: avoid; }
figure svg { width: 100%; height: auto; max-width: 60rem; display: block; margin: 0 auto; }
code { overflow-wrap: anywhere; }
@media print {
  body { max-width: none; font-size: 10px; }
  table { font-size: 8px; }
  .scroll { overflow: visible; }
  section { break-inside: avoid; }
}
</style>
</head>
<body>
)";

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string row_of(const std::vector<std::string>& cells, const std::string& tag) {
    std::string row = "<tr>";
    for (const std::string& cell : cells) row += "<" + tag + ">" + escaped(cell) + "</" + tag + ">";
    return row + "</tr>\n";
}

std::string section_of(const Table& table) {
    std::string html = "<section>\n<h2>" + escaped(table.title) +
                       "</h2>\n<div class=\"scroll\"><table>\n<thead>" +
                       row_of(table.header, "th") + "</thead>\n<tbody>\n";
    for (const auto& row : table.rows) html += row_of(row, "td");
    html += "</tbody>\n</table></div>\n";
    for (const std::string& note : table.notes) {
        html += "<p class=\"notes\">" + escaped(note) + "</p>\n";
    }
    return html + "</section>\n";
}

std::string figure_of(const Results& results, std::size_t size, const PlotAxis& axis) {
    const auto svg = plot_over_connections(results, size, axis);
    if (!svg) return "<p class=\"notes\">No plot: " + escaped(svg.error().tried()) + "</p>\n";
    return svg->empty() ? "" : "<figure>\n" + *svg + "</figure>\n";
}

std::string plots_of(const Results& results) {
    const PlotAxis rate{&kThroughput, 1, "Throughput", "exchanges per second"};
    const PlotAxis tail{&kP99, 1e6, "Latency of the slowest 1%", "p99, microseconds"};
    std::string html =
        "<h2>Over the number of connections</h2>\n<p class=\"notes\">Medians; the bars "
        "reach from the lowest round to the highest. A line stands for what was "
        "served, see the notes.</p>\n";
    for (const std::size_t size : results.options.sizes) {
        html += figure_of(results, size, rate) + figure_of(results, size, tail);
    }
    return html;
}

std::string environment_of(const Results& results) {
    std::string html = "<h2>Where and with what</h2>\n<div class=\"facts\"><table>\n<tbody>\n";
    html += row_of({"command", results.command_line}, "td");
    for (const auto& [name, value] : results.environment) html += row_of({name, value}, "td");
    return html + "</tbody>\n</table></div>\n";
}

}  // namespace

std::string to_html(const Results& results) {
    std::string html = kHead;
    html += "<h1>One handler, every way to serve it</h1>\n";
    for (const std::string& line : preamble_of(results)) {
        html += "<p class=\"notes\">" + escaped(line) + "</p>\n";
    }
    if (results.interrupted)
        html += "<p><strong>Interrupted: not all rounds were run.</strong></p>\n";
    for (const Table& table : tables_of(results)) html += section_of(table);
    return html + plots_of(results) + environment_of(results) + "</body>\n</html>\n";
}

}  // namespace switchboard::bench
