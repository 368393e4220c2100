#include "cli/options.hpp"

#include "report/json.hpp"

namespace switchboard::bench {

void add_shape_options(CLI::App& app, const LoadShape& shape) {
    add_text(app, "--workload", shape.workload,
             "what a connection does; `load --list` prints the workloads [echo]", "NAME");
    add_count(app, "--depth", shape.depth, "requests in flight per connection [1]");
    add_parsed(app, "--reply", shape.reply, parse_size,
               "reply size in bytes (workload `reply`) [64]", "SIZE");
    add_text(app, "--background", shape.background,
             "more connections, which are not measured; e.g. idle:1000", "WORKLOAD:N");
    add_parsed(app, "--arrivals", shape.arrivals, parse_arrivals,
               "arrival times of --rate [constant]", "constant|poisson");
    add_count(app, "--exchanges", shape.exchanges, "end a measurement after N exchanges");
}

void add_output_options(CLI::App& app, OutputOptions& outputs) {
    add_text(app, "--json", outputs.json, "write all figures as JSON; - is stdout", "FILE");
    add_text(app, "--report", outputs.report, "write a page with charts and tables", "FILE.html");
}

Outputs write_outputs(const OutputOptions& options, const std::string& text,
                      const std::string& json, const std::string& other) {
    Outputs outputs;
    const bool is_taken = is_stdout(options.json) || is_stdout(options.report) || is_stdout(other);
    outputs.note(print(text, is_taken ? stderr : stdout));
    outputs.note(write_file(options.json, json));
    if (!options.report.empty()) outputs.note(write_file(options.report, page_of(json)));
    return outputs;
}

void add_script_options(CLI::App& app, ScriptOptions& options) {
    add_text(
        app, "--request", options.requests,
        R"(your own request: TEXT with \r \n \t \0 \\ \xHH, or @FILE; several are sent in turn)",
        "TEXT");
    add_text(app, "--expect", options.replies,
             "its reply: TEXT, @FILE, until:TEXT, size:N, or pattern:TEXT, in which * is anything "
             "and {N} is any N bytes",
             "FORM");
    add_text(app, "--script", options.file,
             "requests and replies as lines: '> REQUEST', then '< REPLY'", "FILE");
}

std::shared_ptr<const Script> ScriptOptions::script(const CLI::App& app) const {
    if (requests.empty() && replies.empty() && file.empty()) return nullptr;
    if (!file.empty() && !(requests.empty() && replies.empty()))
        throw CLI::ValidationError("--script excludes --request and --expect");
    for (const std::string other : {"--workload", "--size", "--reply"}) {
        if (app.count(other) > 0)
            throw CLI::ValidationError(other + " excludes --request and --script");
    }
    if (file.empty() && (requests.empty() || replies.empty()))
        throw CLI::ValidationError("--request and --expect require each other");
    return std::make_shared<const Script>(
        or_usage_error(file.empty() ? make_script(requests, replies) : read_script(file)));
}

}  // namespace switchboard::bench
