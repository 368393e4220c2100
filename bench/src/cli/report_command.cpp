#include <fmt/format.h>
#include <filesystem>

#include "base/fields.hpp"
#include "base/files.hpp"
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "compare/saved_run.hpp"
#include "report/json.hpp"

namespace switchboard::bench {
namespace {

struct ReportOptions {
    std::vector<std::string> runs;
    std::string output;
};

// The page must not replace a run.
Result<void> check_output(const ReportOptions& options) {
    std::error_code missing;
    for (const std::string& run : options.runs) {
        if (std::filesystem::equivalent(run, options.output, missing))
            return bad_option("--output {} is one of the runs", options.output);
    }
    return {};
}

int report(const ReportOptions& options) {
    Json all = Json::array();
    for (const std::string& path : options.runs) {
        const auto text = read_run_text(path);
        if (!text) return print_error(text.error());
        if (const auto run = parse_run(path, *text); !run) return print_error(run.error());
        all.push_back(Json::parse(*text));
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
        if (options->output.empty()) options->output = "-";
        or_usage_error(check_output(*options));
        chosen = [options] { return report(*options); };
    });
}

}  // namespace switchboard::bench
