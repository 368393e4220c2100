// The options of a protocol: what it has, and what a user gave ("--option name=value").
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard {

// One option that a protocol has.
struct OptionSpec {
    enum class Type {
        text,
        flag,      // "yes" or "no"
        integer,   // decimal, with an optional sign
        size,      // bytes, as parse_size()
        duration,  // as parse_duration()
        endpoint,  // as Endpoint::parse()
        choice,    // one of `choices`
    };

    std::string name;  // "root"; lower case, without spaces and "="
    std::string help;  // one line: "the directory with the files"
    Type type = Type::text;
    std::optional<std::string> fallback = {};  // nullopt: the user must give a value
    std::vector<std::string> choices = {};     // of Type::choice
    // The allowed range of an integer, of a size in bytes, and of a duration in milliseconds.
    std::int64_t least = std::numeric_limits<std::int64_t>::min();
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    std::string placeholder = {};  // in help texts, "DIR"; empty: as the type

    // "root=DIR", "mode=fast|safe"
    std::string usage() const;
};

// Values of options. parse() takes those of a command line, and checked() compares them with what a protocol
// has. Copies are independent; const calls may come from any thread.
class Options {
public:
    using Map = std::map<std::string, std::string, std::less<>>;
    Options() = default;
    explicit Options(Map given);
    // "name=value" each. Errors: errc::bad_option for another form, or a name that comes twice.
    [[nodiscard]] static Result<Options> parse(const std::vector<std::string>& assignments);

    // Returns these options with the fallbacks of those that were not given. Errors: errc::bad_option, whose
    // context names the option, if there is no such option, a value is invalid or out of range, or a
    // required one is missing; errc::bad_endpoint.
    [[nodiscard]] Result<Options> checked(const std::vector<OptionSpec>& specs) const;

    // The values after checked(), for an option of this type. std::logic_error: there is no such option, or,
    // except for text(), the values are not checked.
    const std::string& text(std::string_view name) const;  // of any type, as it was written
    bool flag(std::string_view name) const;
    std::int64_t integer(std::string_view name) const;
    std::size_t size(std::string_view name) const;
    std::chrono::milliseconds duration(std::string_view name) const;
    std::size_t choice(std::string_view name) const;  // its index in `choices`
    Endpoint endpoint(std::string_view name) const;

private:
    struct Value {
        std::string text;
        // After checked(): 0 or 1 of a flag, bytes, milliseconds, or the index of a choice.
        std::optional<std::int64_t> number = {};
    };
    const Value& at(std::string_view name) const;
    std::int64_t number(std::string_view name) const;

    std::map<std::string, Value, std::less<>> values_;
};

}  // namespace switchboard
