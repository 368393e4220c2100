// Parses option values that several subcommands take: lists, counts and ranges.
#pragma once

#include <fmt/core.h>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>
#include <utility>
#include <vector>

namespace switchboard::bench {

// Makes errc::bad_option with this message.
template <class... Values>
tl::unexpected<Error> bad_option(fmt::format_string<Values...> words, Values&&... values) {
    return fail(errc::bad_option, fmt::format(words, std::forward<Values>(values)...));
}
// Returns the message for an error. If no system call failed, the context alone is the message.
std::string words_of(const Error& error);

// Returns the pieces of `text`, at least one. errc::bad_option for an empty piece: "1,,2" is a typing error,
// and CLI11's own delimiter would skip it silently.
Result<std::vector<std::string>> split_list(const std::string& text);

inline Result<std::string> parse_name(const std::string& text) {
    return text;
}
Result<std::size_t> parse_count(const std::string& text);  // decimal digits only
// Parses a finite number and one of `units`, and returns their product; nullopt for anything else.
using Units = std::vector<std::pair<std::string_view, double>>;
std::optional<double> parse_quantity(std::string_view text, const Units& units);
// Parses "500us", or a time that parse_duration() takes.
Result<std::chrono::microseconds> parse_work(const std::string& text);
Result<double> parse_percent(const std::string& text);  // "5%" is 0.05, "0.5%" is 0.005

// Parses "10k" as 10,000; the units are k and M. The rate is above 0 and at most 10 million.
Result<double> parse_rate(const std::string& text);
// Parses "10k", or "10k..100k:10k" as FROM..TO:STEP, into at most 1,000 rates.
Result<std::vector<double>> parse_rates(const std::string& text);

// errc::bad_option if `duration`, from --duration, is below 50 ms.
Result<void> check_duration(std::chrono::milliseconds duration);
// errc::bad_option, with the name of `option`, if `count` is not in [least, most].
Result<void> check_range(const char* option, std::size_t count, std::size_t least,
                         std::size_t most);

}  // namespace switchboard::bench
