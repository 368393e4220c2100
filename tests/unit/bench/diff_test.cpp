#include <doctest/doctest.h>

#include <compare/diff.hpp>
#include <nlohmann/json.hpp>
#include <system/environment.hpp>

#include "text.hpp"

using namespace switchboard::bench;
using switchboard::test::has;

namespace {

constexpr double kMicro = 1e-6;

// Returns rounds within 4% of `middle`.
Rounds around(double middle) {
    return {middle * 0.96, middle * 0.99, middle, middle * 1.01, middle * 1.04};
}

RunCell cell_with(const std::string& server, double throughput, double p99) {
    RunCell cell;
    cell.load = "echo, 100 connections, 64 B";
    cell.server = server;
    for (const Metric* metric : all_metrics()) cell.metrics[metric->name] = around(1);
    cell.metrics["throughput"] = around(throughput);
    cell.metrics["p99"] = around(p99);
    return cell;
}

Run run_with(std::vector<RunCell> cells) {
    return {"a.json", "today", {{"kernel", "Linux 6"}, {"depth", "1"}}, std::move(cells)};
}

Outcome outcome_of(const RunCell& before, const RunCell& after, const std::string& condition = "") {
    const auto conditions =
        condition.empty() ? default_conditions() : std::vector{*parse_condition(condition)};
    return outcome_of(compare_runs(run_with({before}), run_with({after})), conditions);
}

// Returns the JSON that compare writes for one server, with `rates` exchanges per second in its rounds.
std::string written(const std::vector<std::uint64_t>& rates) {
    Results results;
    results.experiment.servers = {"reactor"};
    results.environment = describe_environment();
    for (const std::uint64_t rate : rates) {
        Measurement m;
        m.exchanges = m.latencies = rate;
        m.seconds = 1;
        m.answered = m.served = 100;
        m.p99 = 1e-3;
        results.at({"reactor", 64, 100}).rounds.push_back(m);
    }
    return to_json(results);
}

std::string changed(const std::string& text, const std::function<void(nlohmann::json&)>& change) {
    auto json = nlohmann::json::parse(text);
    change(json);
    return json.dump();
}

std::string error_of(const std::string& text) {
    const auto run = parse_run("x.json", text);
    return run ? "" : run.error().message();
}

}  // namespace

TEST_CASE("bench diff: conditions") {
    const auto p99 = parse_condition("p99>+10%");
    REQUIRE(p99);
    CHECK(p99->metric == &kP99);
    CHECK(p99->above);
    CHECK(p99->bound == doctest::Approx(0.1));
    const auto rate = parse_condition("throughput<-2.5%");
    REQUIRE(rate);
    CHECK(rate->metric == &kThroughput);
    CHECK_FALSE(rate->above);
    CHECK(rate->bound == doctest::Approx(-0.025));
    CHECK(parse_condition("p99.9>+0%")->metric == &kP999);
    CHECK(parse_condition("memory>+5%")->metric == &kMemory);
    CHECK(default_conditions().size() == 3);
}

TEST_CASE("bench diff: an invalid condition is reported") {
    for (const char* text : {"", "p99", "p99>", "p99>10%", "p99=+10%", "p99>+10", "p99>+%",
                             "p99>+-1%", "p99>+1x%", ">+10%", "p99 >+10%", "p99>+inf%"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_condition(text));
    }
    CHECK(has(parse_condition("p98>+10%").error().context(),
              "unknown metric in 'p98>+10%'; available: throughput, p50"));
}

TEST_CASE("bench diff: a condition that would fail an improvement is refused") {
    for (const char* text : {"p99>-5%", "p99<-5%", "p99<+5%", "throughput>+10%", "throughput<+1%",
                             "throughput>-1%", "knee>+1%"}) {
        CAPTURE(text);
        const auto refused = parse_condition(text);
        REQUIRE_FALSE(refused);
        CHECK(has(refused.error().context(), "': a worse "));
    }
    CHECK(has(parse_condition("p99>-5%").error().context(),
              "invalid condition 'p99>-5%': a worse p99 is p99>+N%"));
    CHECK(parse_condition("knee<-0%"));
}

TEST_CASE("bench diff: a condition that no cell can be judged by is named as not comparable") {
    RunCell before = cell_with("reactor", 10'000, 200 * kMicro);
    RunCell after = before;
    after.metrics["memory"].resize(4);
    const std::vector<Condition> conditions{*parse_condition("throughput<-10%"),
                                            *parse_condition("memory>+10%")};
    const Outcome outcome =
        outcome_of(compare_runs(run_with({before}), run_with({after})), conditions);
    CHECK(outcome.status == 4);
    CHECK(outcome.text ==
          "not comparable by memory>+10%: fewer than 5 rounds (1 cell)\n"
          "verdict: not comparable\n");
    RunCell other = before;
    other.server = "threads";
    const auto cells = compare_runs(run_with({before, other}), run_with({after, other}));
    CHECK(outcome_of(cells, conditions).status == 0);
    CHECK(outcome_of(cells, conditions).text ==
          "verdict: same, by throughput<-10% memory>+10% (1 of 2 cells)\n");
    after.metrics["throughput"] = around(1'000);
    const auto worse = outcome_of(compare_runs(run_with({before}), run_with({after})), conditions);
    CHECK(worse.status == 3);
    CHECK(has(worse.text, "not comparable by memory>+10%"));
}

TEST_CASE("bench diff: a rise from 0 in all rounds breaks any bound") {
    RunCell before = cell_with("reactor", 10'000, 200 * kMicro);
    before.metrics["voluntary_switches"] = {0.0, 0.0, 0.0, 0.0, 0.0};
    RunCell after = before;
    CHECK(outcome_of(before, after, "voluntary_switches>+10%").status == 0);
    after.metrics["voluntary_switches"] = {0.1, 0.1, 0.2, 0.1, 0.1};
    const Outcome worse = outcome_of(before, after, "voluntary_switches>+10%");
    CHECK(worse.status == 3);
    CHECK(has(worse.text, "voluntary_switches from 0 [from 0, from 0], bound"));
    after.metrics["voluntary_switches"] = {0.1, 0.0, 0.2, 0.1, 0.1};
    const Outcome unknown = outcome_of(before, after, "voluntary_switches>+10%");
    CHECK(unknown.status == 4);
    CHECK(unknown.text ==
          "not comparable by voluntary_switches>+10%: 0 in some rounds (1 cell)\n"
          "verdict: not comparable\n");
    after = before;
    before.metrics["knee"] = around(1'000);
    after.metrics["knee"] = {0.0, 0.0, 0.0, 0.0, 0.0};
    CHECK(outcome_of(before, after, "knee<-10%").status == 3);
}

TEST_CASE("bench diff: a figure that is 0 in some rounds is shown, but not judged") {
    RunCell before = cell_with("reactor", 10'000, 200 * kMicro);
    RunCell after = before;
    before.metrics["memory"] = {0.0, 0.0, 0.0, 0.1, 0.0};
    const auto row_of_memory = [&] {
        const Table table = tables_of(compare_runs(run_with({before}), run_with({after}))).at(0);
        const auto row = std::find_if(table.rows.begin(), table.rows.end(),
                                      [](const auto& each) { return each[1] == "memory"; });
        REQUIRE(row != table.rows.end());
        return *row;
    };
    CHECK(row_of_memory()[4] == "from 0");
    CHECK(row_of_memory().back() == "cannot tell");
    CHECK(outcome_of(before, after, "memory>+10%").status == 4);
    before.metrics["memory"] = {1.0, 1.0, 1.0, 0.0, 1.0};
    CHECK(row_of_memory()[4] == "+0.0%");
    CHECK(row_of_memory().back() == "cannot tell");
}

TEST_CASE("bench diff: if no cell can be judged by a condition, each reason is given") {
    const RunCell good = cell_with("reactor", 10'000, 200 * kMicro);
    RunCell bad = good, few = good, none = good, lacking = good;
    bad.server = "threads";
    bad.valid = false;
    few.server = "processes";
    few.metrics["memory"].resize(4);
    none.server = "iterative";
    none.metrics.erase("memory");
    lacking.server = "thread-pool";
    lacking.metrics.erase("memory");
    const Run run = run_with({bad, few, none, lacking});
    CHECK(outcome_of(compare_runs(run, run), {*parse_condition("memory>+10%")}).text ==
          "not comparable by memory>+10%: fewer than 5 rounds (1 cell), invalid (1 cell), "
          "no such figure (2 cells)\n"
          "verdict: not comparable\n");
}

TEST_CASE("bench diff: the same run is the same") {
    const RunCell cell = cell_with("reactor", 10'000, 200 * kMicro);
    const Outcome outcome = outcome_of(cell, cell);
    CHECK(outcome.status == 0);
    CHECK(outcome.text == "verdict: same, by throughput<-10% p99>+10% cpu>+10%\n");
}

TEST_CASE("bench diff: a change past the bound that is not chance is a regression") {
    const RunCell before = cell_with("reactor", 10'000, 200 * kMicro);
    const RunCell after = cell_with("reactor", 10'000, 240 * kMicro);
    const Outcome outcome = outcome_of(before, after);
    CHECK(outcome.status == 3);
    CHECK(has(outcome.text, "worse: reactor, echo, 100 connections, 64 B: p99 +20.0% ["));
    CHECK(has(outcome.text, ", bound p99>+10%"));
    CHECK(outcome_of(before, after, "p99>+19%").status == 3);
    CHECK(outcome_of(before, after, "p99>+21%").status == kCannotTell);
    CHECK(outcome_of(before, after, "p99>+60%").status == 0);
    CHECK(outcome_of(before, after, "p50>+10%").status == 0);
    CHECK(outcome_of(after, before).status == 0);  // an improvement
    CHECK(outcome_of(cell_with("r", 10'000, 1), cell_with("r", 8'500, 1)).status == 3);
    CHECK(outcome_of(cell_with("r", 10'000, 1), cell_with("r", 9'500, 1)).status == 0);
}

TEST_CASE("bench diff: a change past the bound that may be chance is not a regression") {
    const RunCell before = cell_with("reactor", 10'000, 200 * kMicro);
    RunCell after = before;
    after.metrics["p99"] = {150 * kMicro, 190 * kMicro, 240 * kMicro, 260 * kMicro, 300 * kMicro};
    const auto cells = compare_runs(run_with({before}), run_with({after}));
    CHECK(breaks(cells[0], *parse_condition("p99>+10%")) == false);
    CHECK(has(tables_of(cells)[0].rows[2].back(), "cannot tell"));
    CHECK(outcome_of(before, after).status == kCannotTell);
}

TEST_CASE("bench diff: fewer than five rounds cannot be judged") {
    RunCell before = cell_with("reactor", 10'000, 200 * kMicro);
    RunCell after = cell_with("reactor", 1'000, 900 * kMicro);
    for (auto& [name, rounds] : after.metrics) rounds.resize(4);
    CHECK(outcome_of(before, after).status == 4);
    CHECK_FALSE(breaks(compare_runs(run_with({before}), run_with({after}))[0],
                       *parse_condition("p99>+10%")));
    const Table table = tables_of(compare_runs(run_with({before}), run_with({after}))).at(0);
    CHECK(table.rows[0].back() == "cannot tell");
    CHECK(has(table.rows[0][4], "-90."));
}

TEST_CASE("bench diff: an invalid cell is not judged, and one that fails now is a regression") {
    const RunCell good = cell_with("reactor", 10'000, 200 * kMicro);
    RunCell bad = cell_with("reactor", 1'000, 900 * kMicro);
    bad.valid = false;
    bad.notes = "other processes used 12% of the CPUs";
    CHECK(outcome_of(good, bad).status == 4);
    CHECK(outcome_of(bad, good).status == 4);
    bad.failed = true;
    bad.notes = "12 refused";
    const Outcome lost = outcome_of(good, bad);
    CHECK(lost.status == 3);
    CHECK(lost.text ==
          "worse: reactor, echo, 100 connections, 64 B: invalid now: 12 refused\n"
          "verdict: worse\n");
    RunCell other = good, few = good;
    other.server = few.server = "threads";
    few.metrics["p99"].resize(4);
    const Outcome both = outcome_of(compare_runs(run_with({good, other}), run_with({bad, few})),
                                    {*parse_condition("p99>+10%")});
    CHECK(both.status == 3);
    CHECK(has(both.text, "not comparable by p99>+10%: fewer than 5 rounds (1 cell)\n"));
    CHECK(both.text.ends_with("verdict: worse\n"));
    CHECK(outcome_of(bad, good).status == 4);
    CHECK(outcome_of(bad, bad).status == 4);
    const auto cells = compare_runs(run_with({good, bad}), run_with({good, bad}));
    CHECK(cells.size() == 2);
    CHECK(outcome_of(cells, default_conditions()).status == 0);
}

TEST_CASE("bench diff: only figures with an interval count as comparisons") {
    RunCell cell = cell_with("reactor", 10'000, 200 * kMicro);
    const auto comparisons = [&] {
        const Run run = run_with({cell});
        return comparisons_in(compare_runs(run, run));
    };
    CHECK(comparisons() == all_metrics().size());
    cell.metrics["instructions"] = {200.0};
    cell.metrics["voluntary_switches"] = {0.0, 0.0, 0.0, 0.0, 0.0};
    cell.metrics["memory"].resize(4);
    CHECK(comparisons() == all_metrics().size() - 2);
    cell.metrics["knee"] = around(1'000);
    CHECK(comparisons() == all_metrics().size() - 1);
    cell.valid = false;
    CHECK(comparisons() == 0);
}

TEST_CASE("bench diff: cells are found by load and server, whatever their order") {
    RunCell other = cell_with("reactor", 500, 1);
    other.load = "echo, 1 connection, 64 B";
    const Run before = run_with({cell_with("reactor", 100, 1), cell_with("threads", 50, 1), other});
    const Run after = run_with({other, cell_with("reactor", 200, 1), cell_with("processes", 9, 1)});
    const auto cells = compare_runs(before, after);
    REQUIRE(cells.size() == 2);
    CHECK(cells[0].metrics[0].change == doctest::Approx(1));
    CHECK(cells[1].load == "echo, 1 connection, 64 B");
    CHECK(cells[1].metrics[0].change == 0);
    CHECK(tables_of(cells).size() == 2);
    CHECK(compare_runs(before, run_with({})).empty());
    CHECK(missing_cells(before, after) ==
          std::vector<MissingCell>{{"threads, echo, 100 connections, 64 B", true}});
    CHECK(missing_cells(after, before) ==
          std::vector<MissingCell>{{"processes, echo, 100 connections, 64 B", true}});
    CHECK(missing_cells(after, after).empty());
}

TEST_CASE("bench diff: conditions that differ are named") {
    const Run before = run_with({});
    Run after = before;
    CHECK(unequal_conditions(before, after).empty());
    after.conditions[0].second = "Linux 7";
    CHECK(unequal_conditions(before, after) ==
          std::vector<std::string>{"kernel: Linux 6 and Linux 7"});
}

TEST_CASE("bench diff: reads what compare writes") {
    const auto run = parse_run("x.json", written({10, 20, 30}));
    REQUIRE(run);
    REQUIRE(run->cells.size() == 1);
    const RunCell& cell = run->cells[0];
    CHECK(cell.load == "echo, 100 connections, 64 B");
    CHECK(cell.server == "reactor");
    CHECK(cell.valid);
    CHECK(cell.metrics.at("throughput") == Rounds{10.0, 20.0, 30.0});
    CHECK(cell.metrics.at("memory") == Rounds{std::nullopt, std::nullopt, std::nullopt});
    CHECK(unequal_conditions(*run, *parse_run("y.json", written({1}))).empty());
    const auto slower = changed(written({1}), [](auto& json) {
        json["environment"]["kernel"] = "Linux 2.4";
        json["environment"]["build_type"] = "Debugger";
        json["environment"]["date"] = "2001-01-01";
        json["options"]["duration_seconds"] = 77;
    });
    CHECK(unequal_conditions(*run, *parse_run("y.json", slower)).size() == 3);
    const auto other_requests =
        changed(written({1}), [](auto& json) { json["options"]["script"] = {"GET key\r\n"}; });
    CHECK(unequal_conditions(*run, *parse_run("y.json", other_requests)).size() == 1);
    const auto elsewhere = changed(written({1}), [](auto& json) {
        json["cpus"] = {{"server", {0}}, {"generator", 1}, {"one_core", false}};
        json["environment"]["governor"] = "powersave";
        json["environment"]["congestion_control"] = "vegas";
        json["environment"]["flags"] = "-O0";
    });
    const auto unequal = unequal_conditions(*run, *parse_run("y.json", elsewhere));
    CHECK(unequal.size() == 4);
    CHECK(unequal.back() == "CPUs used: one for both and one each");
    const auto with_one_core = [](const nlohmann::json& one_core) {
        return *parse_run(
            "x.json", changed(written({1}), [&](auto& json) {
                json["cpus"] = {{"server", {0}}, {"generator", 1}, {"one_core", one_core}};
            }));
    };
    CHECK(unequal_conditions(with_one_core(nullptr), with_one_core(true)) ==
          std::vector<std::string>{
              "CPUs used: one each, of cores not known and two threads of one core"});
}

TEST_CASE("bench diff: reads knees by rounds") {
    const auto text = changed(written({1}), [](auto& json) {
        json["knees"] = {
            {{"server", "reactor"},
             {"connections", 100},
             {"size", 64},
             {"rounds",
              {{{"rate", 500.0}, {"why_not_found", ""}, {"probes", nlohmann::json::array()}},
               {{"rate", 300.0},
                {"why_not_found", "limited by the generator"},
                {"probes", nlohmann::json::array()}}}}}};
    });
    const auto run = parse_run("x.json", text);
    REQUIRE(run);
    CHECK(run->cells[0].rounds_of(kKnee) == Rounds{500.0, std::nullopt});
}

TEST_CASE("bench diff: faults of the server are distinguished from those of the machine") {
    const auto with_reason = [](const char* reason) {
        return *parse_run(
            "x.json", changed(written({1}), [&](auto& json) {
                json["cells"][0]["valid"] = false;
                json["cells"][0]["reasons"] = {{{"reason", reason}, {"text", "so it is"}}};
            }));
    };
    for (const char* reason : {"errors", "not_all_served", "not_measured", "rate_not_reached"}) {
        CHECK(with_reason(reason).cells[0].failed);
    }
    for (const char* reason : {"not_run"}) {
        CHECK_FALSE(with_reason(reason).cells[0].failed);
        CHECK_FALSE(with_reason(reason).cells[0].valid);
        CHECK(with_reason(reason).cells[0].notes == "so it is");
    }
}

TEST_CASE("bench diff: one fault of the server is enough") {
    const auto text = changed(written({1}), [](auto& json) {
        json["cells"][0]["valid"] = false;
        json["cells"][0]["reasons"] = {{{"reason", "errors"}, {"text", "1 reset"}},
                                       {{"reason", "noise"}, {"text", "others"}}};
    });
    CHECK(parse_run("x.json", text)->cells[0].failed);
    CHECK(parse_run("x.json", text)->cells[0].notes == "1 reset; others");
}

TEST_CASE("bench diff: a rate missed by a busy generator is not the server's fault") {
    for (const char* hindrance : {"generator_saturated", "noise"}) {
        const auto text = changed(written({1}), [&](auto& json) {
            json["cells"][0]["valid"] = false;
            json["cells"][0]["doubts"] = {{{"reason", hindrance}, {"text", "busy"}}};
            json["cells"][0]["reasons"] = {{{"reason", "rate_not_reached"}, {"text", "90%"}}};
        });
        CHECK_FALSE(parse_run("x.json", text)->cells[0].failed);
    }
}

TEST_CASE("bench diff: invalid files are reported by name and kind of fault") {
    const std::string good = written({1});
    CHECK(error_of(good).empty());
    CHECK(has(error_of(""), "x.json: is not JSON: "));
    CHECK(has(error_of(good.substr(0, good.size() / 2)), "x.json: is not JSON: "));
    for (const char* other : {"{}", "[]", "3", R"({"format": "other", "version": 2})"}) {
        CAPTURE(other);
        const auto run = parse_run("x.json", other);
        REQUIRE_FALSE(run);
        CHECK(run.error() == switchboard::errc::unsupported);
    }
    const auto older = changed(good, [](auto& json) { json["version"] = 1; });
    CHECK(parse_run("x.json", older).error() == switchboard::errc::unsupported);
    const auto cut = changed(good, [](auto& json) { json["cells"][0].erase("rounds"); });
    CHECK(has(error_of(cut), "x.json: missing or wrong field: "));
    CHECK(has(error_of(cut), "'rounds'"));
    const auto wrong = changed(good, [](auto& json) { json["cells"][0]["size"] = "big"; });
    CHECK(has(error_of(wrong), "x.json: missing or wrong field: "));
    CHECK(read_run("/nowhere/x.json").error().message() ==
          "read /nowhere/x.json: no such file or directory");
    CHECK(has(read_run("/").error().message(), "read /: "));
}
