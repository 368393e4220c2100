// What options of several subcommands take: lists, counts and ranges.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>
#include <vector>

namespace switchboard::bench {

// The pieces of `text`, one at least. errc::bad_option for an empty piece, which CLI11's own
// delimiter would silently pass over: "1,,2" is a slip of somebody's who meant something else.
Result<std::vector<std::string>> split_list(const std::string& text);

inline Result<std::string> parse_name(const std::string& text) {
    return text;
}
Result<std::size_t> parse_count(const std::string& text);  // decimal digits and nothing else
// "500us", or a time as of Limits.
Result<std::chrono::microseconds> parse_work(const std::string& text);
Result<double> parse_percent(const std::string& text);  // "5%" and "0.5%" as 0.05 and 0.005

// `duration`, of --duration, is 50 ms at least; errc::bad_option.
Result<void> check_duration(std::chrono::milliseconds duration);
// `count` of `option` is in [least, most]; errc::bad_option names it.
Result<void> check_range(const char* option, std::size_t count, std::size_t least,
                         std::size_t most);

// `option` on `app` is read by `parse` into `target`, or parsing fails and says which option it was.
template <class T, class Parse>
void add_parsed(CLI::App& app, const std::string& option, T& target, Parse parse,
                const std::string& meaning, const char* type) {
    const auto read = [&target, parse, option](const std::string& text) {
        auto value = parse(text);
        if (!value) throw CLI::ValidationError(option, value.error().message());
        target = *std::move(value);
    };
    app.add_option_function<std::string>(option, read, meaning)->type_name(type);
}

// `option` on `app`: its list replaces `target`, or parsing fails and says which option it was.
template <class T, class Parse>
void add_list(CLI::App& app, const char* option, std::vector<T>& target, Parse parse,
              const std::string& meaning) {
    const auto read = [&target, parse, option](const std::string& text) {
        const auto pieces = split_list(text);
        if (!pieces) throw CLI::ValidationError(option, pieces.error().message());
        target.clear();
        for (const std::string& piece : *pieces) {
            auto value = parse(piece);
            if (!value) throw CLI::ValidationError(option, value.error().message());
            target.push_back(*std::move(value));
        }
    };
    app.add_option_function<std::string>(option, read, meaning)->type_name("A,B,...");
}

}  // namespace switchboard::bench
