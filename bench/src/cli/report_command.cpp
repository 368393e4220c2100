#include <fmt/format.h>
#include <filesystem>
#include <set>

#include "base/fields.hpp"
#include "base/files.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "compare/diff.hpp"
#include "report/json.hpp"

namespace switchboard::bench {
namespace {

struct ReportOptions {
    std::vector<std::string> runs;
    std::string output;
};

// The same run twice would give two sections of the same name.
Result<void> check_different(const std::vector<std::string>& runs) {
    std::set<std::string> seen;
    for (const std::string& run : runs) {
        if (!seen.insert(std::filesystem::path(run).lexically_normal()).second)
            return bad_option("{} is given twice", run);
    }
    return {};
}

// read_run() checks the file, and its messages name what is wrong with it.
Result<Json> json_of(const std::string& path) {
    return read_run(path).map([&](const Run&) { return Json::parse(read_text(path)); });
}

int report(const ReportOptions& options) {
    Json all = Json::array();
    for (const std::string& path : options.runs) {
        auto run = json_of(path);
        if (!run) return print_error(run.error());
        all.push_back(*std::move(run));
    }
    const auto written = write_file(options.output, page_of(file_text(all)));
    return written ? 0 : print_error(written.error());
}

}  // namespace

void add_report(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<ReportOptions>();
    CLI::App* command = app.add_subcommand(
        "report", "write one page with a section for each of several runs of compare or load");
    command->add_option("RUN", options->runs, "the runs, as --json wrote them")->required();
    add_text(*command, "--output", options->output, "the page [-]; - is stdout", "FILE.html");
    command->callback([options, &chosen] {
        or_usage_error(check_different(options->runs));
        if (options->output.empty()) options->output = "-";
        chosen = [options] { return report(*options); };
    });
}

}  // namespace switchboard::bench
