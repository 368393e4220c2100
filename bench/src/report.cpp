#include <utility>

#include "plot.hpp"
#include "results.hpp"
#include "summary.hpp"

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
.notes { font-size: .9em; margin: .4rem 0; }
h3 { font-size: 1rem; margin-bottom: 0; }
.summary li { margin: .3rem 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 0 1rem; }
figure { margin: .5rem 0; background: #fff; color: #000; border-radius: 6px; padding: .4rem;
  break-inside: avoid; }
figcaption { padding: .2rem .4rem; font-weight: 600; }
figcaption small { font-weight: 400; display: block; }
figure svg { width: 100%; height: auto; max-width: 42rem; display: block; margin: 0 auto; }
code { overflow-wrap: anywhere; }
@media print {
  body { max-width: none; font-size: 10px; }
  table { font-size: 8px; }
  .scroll { overflow: visible; }
  .plots { grid-template-columns: 1fr 1fr; }
  section, li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
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

std::string list_of(const std::vector<std::string>& lines, const std::string& kind) {
    if (lines.empty()) return {};
    std::string html = "<ul class=\"" + kind + "\">\n";
    for (const std::string& line : lines) html += "<li>" + escaped(line) + "</li>\n";
    return html + "</ul>\n";
}

// A plot that has nothing to draw is not there; why one could not be drawn stands in its place.
std::string figure_of(const Plot& plot) {
    if (plot.script.empty()) return {};
    const auto svg = draw(plot);
    if (!svg)
        return "<p class=\"notes\">No plot of " + plot.name + ": " + escaped(svg.error().tried()) +
               "</p>\n";
    std::string caption = escaped(plot.title);
    if (!plot.note.empty()) caption += "<small>" + escaped(plot.note) + "</small>";
    return "<figure id=\"" + plot.name + "\">\n<figcaption>" + caption + "</figcaption>\n" + *svg +
           "</figure>\n";
}

std::string figures_of(const std::string& heading, const std::vector<Plot>& plots) {
    std::string figures;
    for (const Plot& plot : plots) figures += figure_of(plot);
    if (figures.empty()) return {};
    return "<h3>" + heading + "</h3>\n<div class=\"plots\">\n" + figures + "</div>\n";
}

// Who is in none of the plots of this size under which load, and why.
std::vector<std::string> not_drawn(const Results& results, std::size_t size) {
    std::vector<std::string> lines;
    for (const CellRounds& cell : results.cells) {
        const std::string notes = notes_of(results.why_invalid(cell));
        if (cell.cell.size != size || notes.empty()) continue;
        lines.push_back(cell.cell.server + ", " + connections_text(cell.cell.connections) + ": " +
                        notes);
    }
    return lines;
}

std::string plots_of_size(const Results& results, std::size_t size) {
    const auto& connections = results.options.connections;
    std::string html = "<h2>Plots, " + std::to_string(size) + " B messages</h2>\n";
    const auto left_out = not_drawn(results, size);
    std::vector<Plot> plots = plots_over_connections(results, size);
    std::string figures;
    if (connections.size() > 1)
        figures = figures_of("Over the number of connections", std::exchange(plots, {}));
    for (const std::size_t each : connections) {
        const Cell load{"", size, each};
        plots.push_back(plot_latency(results, load));
        plots.push_back(plot_cpu(results, load));
        figures += figures_of(connections_text(each), std::exchange(plots, {}));
    }
    html += figures.empty() ? "<p class=\"notes\">Nothing valid to draw.</p>\n"
                            : "<p class=\"notes\">Medians; the bars reach from the lowest round to "
                              "the highest. A server looks the same in all plots.</p>\n" +
                                  figures;
    if (left_out.empty()) return html;
    return html + "<p class=\"notes\">Not drawn, as they are invalid:</p>\n" +
           list_of(left_out, "notes");
}

std::string plots_of(const Results& results) {
    if (const auto able = can_draw(); !able) {
        return "<h2>Plots</h2>\n<p class=\"notes\">No plots: " + escaped(able.error().tried()) +
               "</p>\n";
    }
    std::string html;
    for (const std::size_t size : results.options.sizes) html += plots_of_size(results, size);
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
    if (results.interrupted)
        html += "<p><strong>Interrupted: not all rounds were run.</strong></p>\n";
    html += list_of(summary_of(results), "summary");
    for (const std::string& line : preamble_of(results)) {
        html += "<p class=\"notes\">" + escaped(line) + "</p>\n";
    }
    html += plots_of(results);
    for (const Table& table : tables_of(results)) html += section_of(table);
    return html + environment_of(results) + "</body>\n</html>\n";
}

}  // namespace switchboard::bench
