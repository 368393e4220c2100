#include "base/files.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "compare/diff.hpp"

namespace switchboard::bench {
namespace {

struct DiffOptions {
    std::string before, after;
    std::vector<std::string> fail_if;
    std::vector<Condition> conditions;
    bool force = false;
};

int not_comparable(const std::string& what) {
    print_error(what);
    return kNotComparable;
}

int unreadable(const Error& error) {
    print_error(error);
    return error == errc::unsupported ? kNotComparable : 1;
}

// Lists cells that only one run has. A cell that was valid before and is missing now may have become worse.
void add_missing(Outcome& outcome, const Run& before, const Run& after, bool force) {
    for (const MissingCell& missing : missing_cells(before, after)) {
        outcome.text +=
            "missing now: " + missing.name + (missing.valid ? "\n" : ", which was invalid\n");
        if (missing.valid && outcome.status == 0 && !force) outcome.status = kNotComparable;
    }
    for (const MissingCell& missing : missing_cells(after, before))
        outcome.text += "missing before: " + missing.name + "\n";
}

int print_results(const Run& before, const Run& after, const DiffOptions& options) {
    const auto cells = compare_runs(before, after);
    if (cells.empty()) return not_comparable("not comparable: the runs have no row in common");
    std::string text = fmt::format("before: {}, {}\nnow:    {}, {}\n", before.file, before.made,
                                   after.file, after.made);
    for (const std::string& unequal : unequal_conditions(before, after))
        text += "unequal: " + unequal + "\n";
    for (const Table& table : tables_of(cells)) text += to_text(table);
    if (const std::string chance = chance_text(comparisons_in(cells)); !chance.empty())
        text += "\n" + chance + "\n";
    Outcome outcome = outcome_of(cells, options.conditions);
    add_missing(outcome, before, after, options.force);
    const auto printed = print(text + "\n" + outcome.text);
    return printed ? outcome.status : print_error(printed.error());
}

int diff(const DiffOptions& options) {
    const auto before = read_run(options.before);
    if (!before) return unreadable(before.error());
    const auto after = read_run(options.after);
    if (!after) return unreadable(after.error());
    const auto unequal = unequal_conditions(*before, *after);
    if (unequal.empty() || options.force) return print_results(*before, *after, options);
    for (const std::string& what : unequal) print_error("not comparable: " + what);
    return not_comparable("use --force to compare them anyway");
}

void read_conditions(DiffOptions& options) {
    if (options.fail_if.empty()) options.conditions = default_conditions();
    for (const std::string& text : options.fail_if)
        options.conditions.push_back(or_usage_error(parse_condition(text), "--fail-if"));
}

}  // namespace

void add_diff(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<DiffOptions>();
    CLI::App* command =
        app.add_subcommand("diff", "show what changed between two runs of compare or load");
    command->add_option("A", options->before, "the earlier run, as --json wrote it")->required();
    command->add_option("B", options->after, "the later run")->required();
    add_text(
        *command, "--fail-if", options->fail_if,
        "exit status 3 if this holds, may be repeated: METRIC>+N%, or METRIC<-N% where more is "
        "better [throughput<-10%, p99>+10%, cpu>+10%]",
        "CONDITION");
    command->add_flag("--force", options->force,
                      "compare although the machine or the options differ");
    command->callback([options, &chosen] {
        read_conditions(*options);
        chosen = [options] { return diff(*options); };
    });
}

}  // namespace switchboard::bench
