#include <CLI/CLI.hpp>
#include <cstdio>

#include "diff.hpp"
#include "files.hpp"
#include "programs.hpp"

namespace switchboard::bench {
namespace {

constexpr int kNotComparable = 4;

struct DiffOptions {
    std::string before, after;
    std::vector<std::string> fail_if;
    std::vector<Condition> conditions;
    bool force = false;
};

int complain(const std::string& what, int status) {
    bench::complain(what);
    return status;
}

int complain(const Error& error) {
    return complain(error.message(), error == errc::unsupported ? kNotComparable : 1);
}

std::string numbered(const Run& run, const char* which) {
    return std::string(which) + " " + run.file + ", " + run.made + "\n";
}

// Names the cells that only one has. One that was valid and is missing now may be the one that is worse.
void add_missing(Outcome& outcome, const Run& before, const Run& after, bool force) {
    for (const MissingCell& missing : missing_cells(before, after)) {
        outcome.text +=
            "missing now: " + missing.name + (missing.valid ? "\n" : ", which was invalid\n");
        if (missing.valid && outcome.status == 0 && !force) outcome.status = kNotComparable;
    }
    for (const MissingCell& missing : missing_cells(after, before))
        outcome.text += "missing before: " + missing.name + "\n";
}

int tell(const Run& before, const Run& after, const DiffOptions& options) {
    const auto cells = compare_runs(before, after);
    if (cells.empty()) return complain("not comparable: no cell is in both", kNotComparable);
    std::string text = numbered(before, "before:") + numbered(after, "now:   ");
    for (const std::string& unequal : unequal_conditions(before, after)) {
        text += "unequal: " + unequal + "\n";
    }
    for (const Table& table : tables_of(cells)) text += to_text(table);
    if (const std::string chance = chance_text(comparisons_in(cells)); !chance.empty())
        text += "\n" + chance + "\n";
    Outcome outcome = judge(cells, options.conditions);
    add_missing(outcome, before, after, options.force);
    if (auto told = print(text + "\n" + outcome.text); !told)
        return complain(told.error().message(), 1);
    return outcome.status;
}

int diff(const DiffOptions& options) {
    const auto before = read_run(options.before);
    if (!before) return complain(before.error());
    const auto after = read_run(options.after);
    if (!after) return complain(after.error());
    const auto unequal = unequal_conditions(*before, *after);
    if (unequal.empty() || options.force) return tell(*before, *after, options);
    for (const std::string& what : unequal) complain("not comparable: " + what, kNotComparable);
    return complain("--force compares them all the same", kNotComparable);
}

void read_conditions(DiffOptions& options) {
    if (options.fail_if.empty()) options.conditions = default_conditions();
    for (const std::string& text : options.fail_if) {
        auto condition = parse_condition(text);
        if (!condition) throw CLI::ValidationError("--fail-if", condition.error().tried());
        options.conditions.push_back(*condition);
    }
}

}  // namespace

void add_diff(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<DiffOptions>();
    CLI::App* command = app.add_subcommand("diff", "what changed between two runs of compare");
    command->add_option("A", options->before, "the run before, as --json wrote it")->required();
    command->add_option("B", options->after, "the run now")->required();
    command
        ->add_option("--fail-if", options->fail_if,
                     "METRIC>+N% or, where more is better, METRIC<-N%; exit status 3 if one holds; "
                     "any number of them "
                     "[throughput<-10% p99>+10% cpu>+10%]")
        ->type_name("CONDITION")
        ->allow_extra_args(false);
    command->add_flag("--force", options->force, "compare also what was measured differently");
    command->callback([options, &chosen] {
        read_conditions(*options);
        chosen = [options] { return diff(*options); };
    });
}

}  // namespace switchboard::bench
