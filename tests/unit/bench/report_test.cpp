// The report of a run, as a browser renders it.
#include <doctest/doctest.h>

#include <stdlib.h>
#include <unistd.h>
#include <array>
#include <compare/results.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <report/json.hpp>
#include <report/load_report.hpp>
#include <system/server_process.hpp>

#include "text.hpp"

using namespace switchboard;
using namespace switchboard::bench;
using switchboard::test::has;
namespace fs = std::filesystem;

namespace {

constexpr const char* kBrowser = "/usr/bin/chromium-headless-shell";

bool has_no_browser() {
    return access(kBrowser, X_OK) != 0;
}

Measurement measured_at(double rate, std::size_t connections) {
    Measurement m;
    m.exchanges = m.latencies = static_cast<std::uint64_t>(rate);
    m.answered = m.served = connections;
    m.seconds = 1;
    m.p50 = 0.9 / rate;
    m.p99 = 2 / rate;
    m.p999 = 5 / rate;
    m.max = 9 / rate;
    m.server_cpu = {0.5, 0.1, 0.4};
    m.memory = 2 * 1024 * 1024;
    return m;
}

Results compared(const std::vector<std::string>& servers,
                 const std::vector<std::size_t>& connections) {
    Results results;
    results.command_line = "switchboard-bench compare --quick";
    results.environment = describe_environment();
    results.experiment.servers = servers;
    results.experiment.connections = connections;
    results.experiment.sizes = {64};
    for (const std::size_t each : connections) {
        for (std::size_t server = 0; server < servers.size(); ++server) {
            CellRounds& cell = results.at({servers[server], 64, each});
            for (int round = 0; round < 5; ++round)
                cell.rounds.push_back(measured_at(
                    100'000.0 - 5'000.0 * static_cast<double>(server) + 300 * round, each));
            for (std::uint64_t i = 0; i < 3'000; ++i) cell.latency.record(50'000 + i * i);
        }
    }
    return results;
}

std::vector<std::string> all_servers() {
    std::vector<std::string> names;
    for (const ServerKind& kind : server_kinds()) names.push_back(kind.name);
    return names;
}

LoadReport loaded() {
    LoadReport report;
    report.plan.target = Endpoint::tcp("127.0.0.1", 7000);
    report.command_line = "switchboard-bench load";
    LoadStep step;
    step.result.seconds = step.result.lasted = 1;
    step.result.tally.exchanges = 3'000;
    step.result.tally.served = step.result.tally.connected = 1;
    for (std::uint64_t i = 0; i < 3'000; ++i) step.result.tally.latency.record(50'000 + i * i);
    for (int i = 1; i <= 5; ++i)
        step.intervals.push_back({0.2 * i, 3'000.0 + i, 1e-4, 2e-4 * i, 1e-2});
    report.steps.push_back(std::move(step));
    return report;
}

// Runs in the page, and reports faults in an attribute of the root element.
constexpr const char* kLook = R"~(<script>
const wrong = [...(window.failures || [])];
const wide = document.documentElement.scrollWidth - innerWidth;
if (wide > 1) wrong.push(`the page is ${wide} px wider than the window`);
for (const canvas of document.querySelectorAll('canvas')) {
  const name = canvas.getAttribute('aria-label');
  const {width, height} = canvas;
  const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  let inked = 0;
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i]) ++inked;
  if (inked < 500) wrong.push(`empty plot: ${name}`);
  const box = canvas.getBoundingClientRect(), card = canvas.closest('.card').getBoundingClientRect();
  if (box.right > card.right + 1 || box.width < 200) wrong.push(`does not fit its card: ${name}`);
}
const blocks = document.querySelectorAll('.card, h1, h2, nav, main > p');
const boxes = [...blocks].map((e) => [e, e.getBoundingClientRect()]);
for (let i = 0; i < boxes.length; ++i) for (let j = i + 1; j < boxes.length; ++j) {
  const [a, p] = boxes[i], [b, q] = boxes[j];
  const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
  const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
  const over = wide > 1 && high > 1 && !a.contains(b) && !b.contains(a);
  if (over) wrong.push(`overlap: ${a.textContent.slice(0, 40)} / ${b.textContent.slice(0, 40)}`);
}
const button = document.querySelector('.legend button');
if (button) {
  button.click();
  if (button.getAttribute('aria-pressed') !== 'false') wrong.push('a server cannot be hidden');
  button.click();
}
document.documentElement.dataset.wrong = wrong.join('; ');
</script>)~";

struct Shown {
    std::string wrong = "the page was not shown";  // empty if there is no fault
    int charts = 0;
    std::string dom;
};

std::string attribute(const std::string& dom, const std::string& name) {
    const auto at = dom.find(name + "=\"");
    if (at == std::string::npos) return "none";
    const auto from = at + name.size() + 2;
    return dom.substr(from, dom.find('"', from) - from);
}

class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "bench-report-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() { fs::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

std::string browse(const Folder& folder, const std::string& flags, std::string page) {
    const fs::path file = folder.path() / "page.html";
    std::ofstream(file) << page;
    const std::string command = std::string(kBrowser) +
                                " --no-sandbox --disable-gpu --virtual-time-budget=5000 " +
                                "--user-data-dir=" + (folder.path() / "profile").string() + " " +
                                flags + " file://" + file.string() + " 2>/dev/null";
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    std::string said;
    std::array<char, 4096> piece{};
    while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe.get()))
        said.append(piece.data(), got);
    return said;
}

Shown show(std::string page, int width) {
    constexpr const char* kWatch =
        "<head><script>window.failures = []; onerror = (m) => failures.push(String(m)); "
        "console.error = (...m) => failures.push(m.join(' '));</script>";
    page.replace(page.find("<head>"), 6, kWatch);
    page.insert(page.rfind("</body>"), kLook);
    const Folder folder;
    const std::string dom =
        browse(folder, "--dump-dom --window-size=" + std::to_string(width) + ",900", page);
    return {attribute(dom, "data-wrong"), std::atoi(attribute(dom, "data-charts").c_str()), dom};
}

}  // namespace

TEST_CASE("bench report: every plot is drawn and fits, on a desk and on a phone" *
          doctest::skip(has_no_browser())) {
    for (const int width : {1200, 390}) {
        CAPTURE(width);
        const Shown two = show(page_of(to_json(compared({"reactor", "bare-epoll"}, {100}))), width);
        CHECK(two.wrong == "");
        CHECK(two.charts == 4);  // rate, percentiles, CPU, memory
        const Shown many =
            show(page_of(to_json(compared(all_servers(), {1, 10, 100, 1'000, 10'000}))), width);
        CHECK(many.wrong == "");
        CHECK(many.charts == 2 + 5 * 4);
    }
}

TEST_CASE("bench report: the page of a load shows latencies, and the course over time" *
          doctest::skip(has_no_browser())) {
    for (const int width : {1200, 390}) {
        const Shown shown = show(page_of(to_json(loaded())), width);
        CHECK(shown.wrong == "");
        CHECK(shown.charts == 3);
        CHECK(has(shown.dom, "p99"));
    }
}

TEST_CASE("bench report: a page of several runs has a section for each" *
          doctest::skip(has_no_browser())) {
    const std::string runs = "[" + to_json(compared({"reactor", "bare-epoll"}, {100})) + "," +
                             to_json(compared({"reactor", "nginx"}, {1, 100})) + "," +
                             to_json(loaded()) + "]";
    for (const int width : {1200, 390}) {
        const Shown shown = show(page_of(runs), width);
        CHECK(shown.wrong == "");
        CHECK(shown.charts == 4 + 2 + 2 * 4 + 3);
        CHECK(has(shown.dom, "<h1>3 runs</h1>"));
        for (const char* section : {"run-0", "run-1", "run-2"}) {
            CHECK(has(shown.dom, std::string("href=\"#") + section));
            CHECK(has(shown.dom, std::string("id=\"") + section));
        }
    }
}

TEST_CASE("bench report: it prints" * doctest::skip(has_no_browser())) {
    const Folder folder;
    const fs::path pdf = folder.path() / "page.pdf";
    browse(folder, "--print-to-pdf=" + pdf.string(),
           page_of(to_json(compared(all_servers(), {1, 100}))));
    REQUIRE(fs::exists(pdf));
    CHECK(fs::file_size(pdf) > 20'000);
}

TEST_CASE("bench report: nothing is fetched, and text from servers is escaped") {
    Results results = compared({"reactor", "<b>&</script><img src=x onerror=alert(1)>"}, {100});
    const std::string page = page_of(to_json(results));
    for (const char* outside : {"<link", "@import", "src=\"", "url(http"})
        CHECK_MESSAGE(!has(page, outside), outside);
    CHECK_FALSE(has(page, "&</script><img"));
    CHECK(has(page, "\\u003c/script>\\u003cimg"));
}

TEST_CASE("bench report: a page with a hostile name is shown as well" *
          doctest::skip(has_no_browser())) {
    const Shown shown = show(
        page_of(
            to_json(compared({"reactor", "</script><img src=x onerror=failures.push(1)>"}, {100}))),
        1200);
    CHECK(shown.wrong == "");
}

TEST_CASE(
    "bench report: the answer names the fastest server, by how much, and whether that is certain") {
    const auto answer = [](const Results& results) { return summary_of(results).at(0).text; };
    Results results = compared({"reactor", "threads"}, {100});
    CHECK(answer(results) ==
          "100 connections, 64 B: reactor is fastest, 100,600/s, 5.23% ahead of threads. "
          "Certain: all others differ from it.");
    results.cells[1].rounds = results.cells[0].rounds;
    CHECK(has(answer(results), "Not certain: no difference seen between it and threads."));
    for (Measurement& round : results.cells[1].rounds) round.noise = 0.5;
    CHECK(has(answer(results), "Not certain: other work or the generator limited some of them."));
    results.cells[1].rounds.resize(3);
    for (Measurement& round : results.cells[1].rounds) round.noise = 0;
    CHECK(has(answer(results), "Too few rounds"));
    for (CellRounds& cell : results.cells) cell.rounds[0].failed = cell.rounds[0].failures[0] = 1;
    CHECK(has(answer(results), "no server was valid"));
}
