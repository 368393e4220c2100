#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <regex>
#include <results.hpp>
#include <server.hpp>
#include <set>
#include <summary.hpp>

#include "text.hpp"

using namespace switchboard::bench;
using switchboard::test::count;
using switchboard::test::has;

namespace {

Measurement measured(double rate, std::size_t connections) {
    Measurement m;
    m.exchanges = m.latencies = static_cast<std::uint64_t>(rate);
    m.answered = m.served = connections;
    m.held = 2 * connections;  // as many beside these
    m.seconds = 1;
    m.p50 = 0.9 / rate;
    m.p99 = 2 / rate;
    m.p999 = 5 / rate;
    m.server_cpu = {0.5, 0.1, 0.4};
    m.memory = 2 * 1024 * 1024;
    return m;
}

void add(Results& results, const Cell& cell, std::array<double, 5> rates) {
    CellRounds& rounds = results.at(cell);
    for (const double rate : rates) {
        rounds.rounds.push_back(measured(rate, cell.connections));
        for (std::uint64_t i = 0; i < 3'000; ++i) rounds.latency.record(50'000 + i * i);
    }
}

// reactor is twice as fast as threads; epoll is as fast as reactor.
Results three_servers(const std::vector<std::size_t>& connections) {
    Results results;
    results.options.servers = {"reactor", "threads", "epoll"};
    results.options.connections = connections;
    results.options.sizes = {64};
    for (const std::size_t each : connections) {
        add(results, {"reactor", 64, each}, {10'000, 10'100, 10'200, 9'900, 9'800});
        add(results, {"threads", 64, each}, {5'000, 5'100, 5'200, 4'900, 4'800});
        add(results, {"epoll", 64, each}, {10'050, 9'900, 10'150, 9'950, 9'850});
    }
    return results;
}

bool gnuplot_is_there() {
    return std::system("gnuplot --version >/dev/null 2>&1") == 0;
}

std::vector<std::string> all_matches(const std::string& text, const char* pattern) {
    const std::regex regex(pattern);
    std::vector<std::string> found;
    for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
        found.push_back((*at)[1]);
    return found;
}

// The element of the plot with this name; empty: there is none.
std::string plot_in(const std::string& page, const std::string& name) {
    const auto at = page.find("<figure id=\"" + name + "\">");
    if (at == page.npos) return {};
    return page.substr(at, page.find("</svg>", at) - at);
}

// Nothing of the page is fetched: the names of namespaces are names, and what is referred to is in it.
void check_self_contained(const std::string& page) {
    const std::string without_names =
        std::regex_replace(page, std::regex("xmlns(:xlink)?=\"[^\"]*\""), "");
    for (const char* outside : {"http:", "https:", "//", "<script", "<link", "@import", "src="})
        CHECK_MESSAGE(!has(without_names, outside), outside);
    const auto ids = all_matches(page, " id=[\"']([^\"']*)");
    const std::set<std::string> unique(ids.begin(), ids.end());
    CHECK(unique.size() == ids.size());
    for (const std::string& used : all_matches(page, "(?:href=[\"']#|url\\(#)([^\"')]*)"))
        CHECK_MESSAGE(unique.count(used) == 1, used);
}

class NoPrograms {
public:
    NoPrograms() { setenv("PATH", "/nonexistent", 1); }
    ~NoPrograms() { setenv("PATH", path_.c_str(), 1); }

private:
    std::string path_ = std::getenv("PATH");
};

}  // namespace

TEST_CASE(
    "bench report: over several numbers of connections every plot is there, of every server") {
    if (!gnuplot_is_there()) return;
    const std::string page = to_html(three_servers({1, 100}));
    for (const char* name : {"throughput-64", "p99-64", "cpu-64", "memory-64", "latency-64-1",
                             "latency-64-100", "cpu-64-1", "cpu-64-100"}) {
        CAPTURE(name);
        const std::string plot = plot_in(page, name);
        for (const char* server : {">reactor<", ">threads<", ">epoll<"}) CHECK(has(plot, server));
    }
    CHECK(count(page, "<svg") == 8);
    CHECK(has(plot_in(page, "latency-64-1"), ">99.9%<"));
    CHECK(has(plot_in(page, "throughput-64"), ">100<"));
    CHECK_FALSE(has(page, "No plot"));
    CHECK_FALSE(has(page, "Not drawn"));
    check_self_contained(page);
}

TEST_CASE("bench report: the names of all servers stand in two columns") {
    if (!gnuplot_is_there()) return;
    Results results;
    results.options.connections = {1, 10};
    results.options.sizes = {64};
    for (const ServerKind& kind : server_kinds()) {
        results.options.servers.push_back(kind.name);
        for (const std::size_t each : results.options.connections)
            add(results, {kind.name, 64, each}, {10'000, 10'100, 10'200, 9'900, 9'800});
    }
    const std::string plot = plot_in(to_html(results), "throughput-64");
    std::set<std::string> places;
    std::size_t names = 0;
    const std::regex text(R"(translate\(([0-9.]+),[0-9.]+\)[^>]*>\s*<text>([a-z][-a-z0-9]*)<)");
    for (std::sregex_iterator at(plot.begin(), plot.end(), text), end; at != end; ++at) {
        if (!find_server_kind((*at)[2].str())) continue;
        places.insert((*at)[1].str());
        ++names;
    }
    CHECK(names == server_kinds().size());
    CHECK(places.size() == 2);
}

TEST_CASE(
    "bench report: lines go from few connections to many, in whatever order they were asked for") {
    if (!gnuplot_is_there()) return;
    CHECK(plot_in(to_html(three_servers({100, 1, 10})), "throughput-64") ==
          plot_in(to_html(three_servers({1, 10, 100})), "throughput-64"));
}

TEST_CASE("bench report: with one number of connections there are bars, with their figures") {
    if (!gnuplot_is_there()) return;
    const std::string page = to_html(three_servers({100}));
    CHECK(has(plot_in(page, "throughput-64-100"), ">10,000<"));
    CHECK(has(plot_in(page, "p99-64-100"), ">400 us<"));
    CHECK(has(plot_in(page, "memory-64-100"), ">10 KiB<"));
    CHECK(has(plot_in(page, "cpu-64-100"), ">50.0 us<"));
    CHECK(has(plot_in(page, "cpu-64-100"), ">system<"));
    CHECK_FALSE(plot_in(page, "latency-64-100").empty());
    CHECK(count(page, "<svg") == 5);
    check_self_contained(page);
}

TEST_CASE("bench report: who is invalid is named with the reason, and in no plot") {
    Results results = three_servers({1, 100});
    for (const std::size_t each : results.options.connections) {
        for (auto& round : results.at({"threads", 64, each}).rounds) round.noise = 0.5;
    }
    const std::string page = to_html(results);
    if (gnuplot_is_there()) {
        CHECK(has(page, "<li>threads, 100 connections: others used 50.0% of the CPUs"));
        CHECK(has(page, "<li>threads, 1 connection: others used"));
        CHECK_FALSE(has(page, "<text>threads"));
        CHECK(count(page, "<svg") == 8);
    }
    CHECK(has(page, "<td>threads*</td>"));
}

TEST_CASE("bench report: with nothing valid it says so, and has the tables") {
    Results results = three_servers({1, 100});
    for (CellRounds& cell : results.cells) cell.rounds.clear();
    const std::string page = to_html(results);
    CHECK(count(page, "<svg") == 0);
    CHECK(has(page, "1 connection, 64 B: no server was valid."));
    CHECK(has(page, "<td>reactor*</td>"));
    CHECK(page.ends_with("</html>\n"));
    if (gnuplot_is_there()) {
        CHECK(has(page, "Nothing valid to draw"));
        CHECK(has(page, "<li>epoll, 100 connections: not run</li>"));
    }
    check_self_contained(page);
}

TEST_CASE("bench report: streams have no latency, and no plot of one") {
    if (!gnuplot_is_there()) return;
    Results results = three_servers({100});
    for (CellRounds& cell : results.cells) {
        cell.latency.reset();
        for (auto& round : cell.rounds) round.latencies = 0;
    }
    const std::string page = to_html(results);
    CHECK(count(page, "<svg") == 3);
    CHECK(plot_in(page, "latency-64-100").empty());
    CHECK(plot_in(page, "p99-64-100").empty());
}

TEST_CASE(
    "bench report: where user and system are not told apart the CPU time stands all the same") {
    if (!gnuplot_is_there()) return;
    Results results = three_servers({100});
    for (CellRounds& cell : results.cells) {
        for (auto& round : cell.rounds) round.server_cpu = {0.5, 0, 0};
    }
    const std::string page = to_html(results);
    CHECK(has(plot_in(page, "cpu-64-100"), ">50.0 us<"));
    CHECK_FALSE(has(page, "No plot"));
}

TEST_CASE("bench report: names are escaped, in the tables, in the words and in the plots") {
    Results results = three_servers({1, 100});
    const std::string evil = "<b>'&_\"%s{";
    results.options.servers[2] = evil;
    for (CellRounds& cell : results.cells) {
        if (cell.cell.server == "epoll") cell.cell.server = evil;
    }
    const std::string page = to_html(results);
    CHECK_FALSE(has(page, "<b>"));
    CHECK(has(page, "<td>&lt;b&gt;'&amp;_&quot;%s{</td>"));
    if (!gnuplot_is_there()) return;
    CHECK(count(page, "<svg") == 8);
    CHECK(has(plot_in(page, "throughput-64"), "&lt;b>'&amp;_\"%s{"));
    check_self_contained(page);
}

TEST_CASE("bench report: without gnuplot it says so once, and has the tables") {
    const NoPrograms none;
    const std::string page = to_html(three_servers({1, 100}));
    CHECK(count(page, "gnuplot is not installed") == 1);
    CHECK(count(page, "<svg") == 0);
    CHECK(has(page, "<td>reactor</td>"));
    check_self_contained(page);
}

TEST_CASE("bench report: the summary names the fastest, and who is not told from it") {
    Results results = three_servers({1, 100});
    auto lines = summary_of(results);
    REQUIRE(lines.size() == 2);
    CHECK(lines[1] ==
          "100 connections, 64 B: reactor had the highest rate, 10,000/s. No difference seen "
          "between it "
          "and epoll.");
    for (auto& round : results.at({"reactor", 64, 100}).rounds) round.noise = 0.5;
    for (auto& round : results.at({"threads", 64, 1}).rounds) round.noise = 0.5;
    for (auto& round : results.at({"epoll", 64, 1}).rounds) round.noise = 0.5;
    lines = summary_of(results);
    CHECK(lines[0] ==
          "1 connection, 64 B: reactor had the highest rate, 10,000/s. It is the only valid one.");
    CHECK(lines[1] ==
          "100 connections, 64 B: epoll had the highest rate, 9,950/s. All others differ from it.");
}

TEST_CASE("bench report: the summary tells no difference from too few rounds, and p99 at a rate") {
    Results results = three_servers({100});
    results.options.rate = 5'000;
    CHECK(summary_of(results)[0].starts_with(
        "100 connections, 64 B: reactor had the lowest p99, 200 us."));
    for (CellRounds& cell : results.cells) cell.rounds.resize(2);
    CHECK(has(summary_of(results)[0], "Too few rounds to tell"));
}
