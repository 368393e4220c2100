// Options with parsers and error messages of our own, and options that several subcommands share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <switchboard/error.hpp>
#include <vector>

#include "base/files.hpp"
#include "base/parse.hpp"
#include "load/arrivals.hpp"
#include "workload/script.hpp"

namespace switchboard::bench {

// Returns the value of `result`, or throws a CLI::ParseError with its message, after `option` if given.
template <class T>
T or_usage_error(Result<T> result, const std::string& option = {}) {
    if (!result)
        throw CLI::ValidationError((option.empty() ? "" : option + ": ") +
                                   words_of(result.error()));
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// Adds `option` to `app`. `parse` reads it into `target`; an error names the option.
template <class T, class Parse>
void add_parsed(CLI::App& app, const std::string& option, T& target, Parse parse,
                const std::string& meaning, const char* type) {
    const auto read = [&target, parse, option](const std::string& text) {
        target = or_usage_error(parse(text), option);
    };
    app.add_option_function<std::string>(option, read, meaning)->type_name(type);
}

template <class T>
void add_count(CLI::App& app, const std::string& option, T& target, const std::string& meaning) {
    add_parsed(app, option, target, parse_count, meaning, "N");
}

// Adds `option` to `app`, whose list replaces `target`; an error names the option.
template <class T, class Parse>
void add_list(CLI::App& app, const std::string& option, std::vector<T>& target, Parse parse,
              const std::string& meaning) {
    const auto read = [&target, parse, option](const std::string& text) {
        target.clear();
        for (const std::string& piece : or_usage_error(split_list(text), option))
            target.push_back(or_usage_error(parse(piece), option));
    };
    app.add_option_function<std::string>(option, read, meaning)->type_name("A,B,...");
}

// Adds `option` to `app` without a parser. If `target` is a list, the option may be repeated.
template <class T>
void add_text(CLI::App& app, const char* option, T& target, const char* meaning, const char* type) {
    app.add_option(option, target, meaning)->type_name(type)->allow_extra_args(false);
}

// Options of a load that `load` and `compare` share.
struct LoadShape {
    std::string& workload;
    std::size_t &depth, &reply;
    std::vector<std::string>& background;
    Arrivals& arrivals;
    std::uint64_t& exchanges;
};
void add_shape_options(CLI::App& app, const LoadShape& shape);

// --json and --report.
struct OutputOptions {
    std::string json, report;  // file names; empty: not written
};
void add_output_options(CLI::App& app, OutputOptions& outputs);
// Prints `text`, and writes `json` and its page. The text goes to stderr if a file, or `other`, is stdout.
Outputs write_outputs(const OutputOptions& options, const std::string& text,
                      const std::string& json, const std::string& other);

// --request, --expect and --script.
struct ScriptOptions {
    std::vector<std::string> requests, replies;
    std::string file;

    // The script that the options describe; null if none is given. Throws a CLI::ParseError if invalid.
    std::shared_ptr<const Script> script(const CLI::App& app) const;
};
void add_script_options(CLI::App& app, ScriptOptions& options);

}  // namespace switchboard::bench
