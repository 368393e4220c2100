// The files that compare writes, and how diff reads them.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <process.hpp>

#include "bench.hpp"

using namespace switchboard::support;
using namespace switchboard::test;

namespace {

using Json = nlohmann::json;

// Runs compare with five short rounds, and writes its JSON to the file `name` in `folder`.
void write_run(const BenchFolder& folder, const std::string& name) {
    const auto done = run({kBench,          "compare",
                           "--drivers",     "bare-epoll,iterative",
                           "--baseline",    "bare-epoll",
                           "--connections", "2",
                           "--size",        "64",
                           "--rounds",      "5",
                           "--duration",    "50ms",
                           "--noise",       "100%",
                           "--json",        folder.file(name),
                           "--csv",         folder.file("run.csv")});
    CAPTURE(done.errors);
    REQUIRE(done.status == 0);
}

void change(const std::string& from, const std::string& to, const std::function<void(Json&)>& how) {
    Json json = read_json(from);
    how(json);
    std::ofstream(to) << json.dump();
}

// Uses Debian's python3-jsonschema, which another Python may lack.
Finished validate(const std::string& file) {
    return run({"/usr/bin/python3", "-c",
                "import json, jsonschema, sys\n"
                "schema, file = (json.load(open(path)) for path in sys.argv[1:])\n"
                "jsonschema.Draft202012Validator.check_schema(schema)\n"
                "jsonschema.Draft202012Validator(schema).validate(file)\n",
                SWITCHBOARD_SOURCE "/bench/compare.schema.json", file});
}

// Checks that every field of the schema has a description. Returns the number of fields.
std::size_t check_descriptions(const Json& schema, const std::string& path) {
    std::size_t fields = 0;
    if (!schema.contains("properties")) return fields;
    for (const auto& entry : schema["properties"].items()) {
        const std::string name = path + "/" + entry.key();
        CAPTURE(name);
        CHECK(entry.value().contains("description"));
        fields += 1 + check_descriptions(entry.value(), name);
        if (entry.value().contains("items"))
            fields += check_descriptions(entry.value()["items"], name);
    }
    return fields;
}

Finished diff(const std::string& before, const std::string& after,
              const std::vector<std::string>& more = {}) {
    std::vector<std::string> command{kBench, "diff", before, after};
    command.insert(command.end(), more.begin(), more.end());
    return run(command);
}

// Replaces the figures by five rounds that differ only by noise, with a fixed validity for each server.
void make_steady(Json& json) {
    for (auto& cell : json["cells"]) {
        cell["valid"] = cell["server"] == "bare-epoll";
        if (cell["valid"]) cell["reasons"] = Json::array();
        double rate = 10'000;
        for (auto& round : cell["rounds"]) {
            round["throughput"] = rate += 10;
            round["p99"] = 1e-3;
            round["cpu"] = 5e-6;
        }
    }
}

}  // namespace

TEST_CASE("bench files: a run's JSON passes the schema, and a broken one does not") {
    const BenchFolder folder;
    const std::string good = folder.file("good.json"), bad = folder.file("bad.json");
    write_run(folder, "good.json");
    const auto passed = validate(good);
    CAPTURE(passed.errors);
    CHECK(passed.status == 0);

    const std::vector<std::function<void(Json&)>> breakages{
        [](Json& json) { json.erase("environment"); },
        [](Json& json) { json["version"] = 1; },
        [](Json& json) { json["environment"].erase("kernel"); },
        [](Json& json) { json["cells"][0]["throughput"]["median"] = "fast"; },
        [](Json& json) { json["cells"][0]["rounds"][0].erase("p99"); },
        [](Json& json) { json["cells"][0]["rounds"][0]["noise"] = 1.5; },
        [](Json& json) { json["cells"][1]["reasons"][0]["reason"] = "bad luck"; },
        [](Json& json) { json["cells"][0]["colour"] = "blue"; },
    };
    for (const auto& breakage : breakages) {
        change(good, bad, breakage);
        const auto refused = validate(bad);
        CAPTURE(refused.errors);
        CHECK(refused.status == 1);
        CHECK(has(refused.errors, "ValidationError"));
    }
}

TEST_CASE("bench files: every field of the schema has a description") {
    const Json schema = read_json(SWITCHBOARD_SOURCE "/bench/compare.schema.json");
    CHECK(check_descriptions(schema, "") > 80);
    REQUIRE(schema.contains("$defs"));
    REQUIRE(schema["$defs"].size() == 3);
    for (const auto& [name, part] : schema["$defs"].items()) {
        std::size_t fields = check_descriptions(part, name);
        for (const auto& one : part.value("oneOf", Json::array()))
            fields += check_descriptions(one, name);
        CHECK(fields >= 5);
    }
}

TEST_CASE("bench files: the CSV has all rounds") {
    const BenchFolder folder;
    write_run(folder, "run.json");
    const std::string csv = read_file(folder.file("run.csv"));
    CHECK(csv.starts_with("workload,server,connections,message_bytes,round,"));
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 2 * 5);
    CHECK(has(csv, "\necho,bare-epoll,2,64,5,"));
    CHECK(has(csv, "\necho,iterative,2,64,1,no,not_all_served"));
}

TEST_CASE("bench diff: exit status 0 for the same, 3 for worse, and the table says which") {
    const BenchFolder folder;
    const std::string before = folder.file("a.json"), after = folder.file("b.json");
    write_run(folder, "run.json");
    change(folder.file("run.json"), before, make_steady);

    const auto same = diff(before, before);
    CAPTURE(same.errors);
    CHECK(same.status == 0);
    CHECK(has(same.output, " same\n"));
    CHECK(has(same.output, "verdict: same, by throughput<-10% p99>+10% cpu>+10%"));
    CHECK(has(same.output, "iterative: invalid before: serves 1 of 2; invalid now: serves 1 of 2"));

    change(before, after, [](Json& json) {
        for (auto& round : json["cells"][0]["rounds"]) round["p99"] = 1.2e-3;
    });
    const auto worse = diff(before, after);
    CAPTURE(worse.output);
    CHECK(worse.status == 3);
    CHECK(has(worse.output, " [+20.0%, +20.0%] "));
    CHECK(has(worse.output, " worse\n"));
    CHECK(has(worse.output,
              "worse: bare-epoll, echo, 2 connections, 64 B: p99 +20.0% [+20.0%, +20.0%], bound "
              "p99>+10%"));
    CHECK(diff(before, after, {"--fail-if", "p99>+25%"}).status == 0);
    CHECK(diff(before, after, {"--fail-if", "p99>+25%", "--fail-if", "p99>+15%"}).status == 3);
    CHECK(diff(after, before).status == 0);
    CHECK(has(diff(after, before).output, "better"));

    change(before, after, [](Json& json) {
        for (int size = 1; size <= 9; ++size) {
            json["cells"].push_back(json["cells"][0]);
            json["cells"].back()["size"] = size;
        }
    });
    CHECK(has(diff(after, after).output, " comparisons at 95%, about "));
}

TEST_CASE("bench diff: exit status 4 for runs that cannot be compared, unless --force allows it") {
    const BenchFolder folder;
    const std::string before = folder.file("a.json"), other = folder.file("b.json");
    write_run(folder, "run.json");
    change(folder.file("run.json"), before, make_steady);

    change(before, other, [](Json& json) { json["environment"]["cpu"] = "Abacus"; });
    const auto refused = diff(before, other);
    CHECK(refused.status == 4);
    CHECK(has(refused.errors, "not comparable: cpu: "));
    CHECK(has(refused.errors, " and Abacus"));
    CHECK(refused.output.empty());
    const auto forced = diff(before, other, {"--force"});
    CHECK(forced.status == 0);
    CHECK(has(forced.output, "unequal: cpu: "));

    change(before, other, [](Json& json) { json["version"] = 1; });
    CHECK(diff(before, other, {"--force"}).status == 4);
    change(before, other, [](Json& json) { json["cells"].erase(0); });
    CHECK(diff(before, other).status == 4);  // unless the missing cell is invalid
    change(before, other, [](Json& json) { json["cells"].erase(1); });
    const auto invalid = diff(before, other);
    CHECK(invalid.status == 0);
    CHECK(has(invalid.output, "missing now: iterative, echo, 2 connections, 64 B, which was inv"));
    change(before, other, [](Json& json) {
        json["cells"].push_back(json["cells"][0]);
        json["cells"].back()["server"] = "threads";
    });
    const auto missing = diff(other, before);
    CHECK(missing.status == 4);
    CHECK(has(missing.output, "missing now: threads, echo, 2 connections, 64 B"));
    CHECK(diff(other, before, {"--force"}).status == 0);
    const auto added = diff(before, other);
    CHECK(added.status == 0);
    CHECK(has(added.output, "missing before: threads, echo, 2 connections, 64 B"));
    change(before, other,
           [](Json& json) { json["cells"][0]["size"] = json["cells"][1]["size"] = 1; });
    CHECK(has(diff(before, other).errors, "the runs have no row in common"));
}

TEST_CASE("bench diff: exit status 1 for an invalid file, 2 for an invalid condition") {
    const BenchFolder folder;
    const std::string good = folder.file("good.json"), bad = folder.file("bad.json");
    write_run(folder, "good.json");
    std::ofstream(bad) << "{\"format\": ";
    const auto broken = diff(good, bad);
    CHECK(broken.status == 1);
    CHECK(has(broken.errors, bad + ": is not JSON: "));
    const auto missing = diff(folder.file("none.json"), good);
    CHECK(missing.status == 1);
    CHECK(missing.errors ==
          "switchboard-bench: read " + folder.file("none.json") + ": no such file or directory\n");
    CHECK(diff(good, good, {"--fail-if", "p99>10%"}).status == 2);
    CHECK(diff(good, good, {"--fail-if"}).status == 2);
    CHECK(run({kBench, "diff", good}).status == 2);
}

TEST_CASE("bench report: one page of several runs, or an error that names the file") {
    const BenchFolder folder;
    const std::string first = folder.file("first.json"), second = folder.file("second.json"),
                      page = folder.file("page.html"), none = folder.file("none.json");
    write_run(folder, "first.json");
    write_run(folder, "second.json");
    const auto made = run({kBench, "report", first, second, "--output", page});
    CHECK(made.status == 0);
    CHECK(made.output.empty());
    CHECK(has(read_file(page), "<!DOCTYPE html>"));
    const auto printed = run({kBench, "report", first, second});
    CHECK(printed.output == read_file(page));

    const auto missing = run({kBench, "report", first, none, "--output", page});
    CHECK(missing.status == 1);
    CHECK(missing.errors == "switchboard-bench: read " + none + ": no such file or directory\n");
    CHECK(printed.output == read_file(page));  // the earlier one stays
    const auto replaced = run({kBench, "report", first, "--output", first});
    CHECK(replaced.status == 2);
    CHECK(replaced.errors == "switchboard-bench: --output " + first + " is one of the runs\n");
    CHECK(has(read_file(first), "\"format\""));
    CHECK(run({kBench, "report"}).status == 2);
}
