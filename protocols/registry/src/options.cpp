#include <switchboard/options.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <switchboard/limits.hpp>

namespace switchboard {
namespace {

using Type = OptionSpec::Type;

std::string list_of(const std::vector<std::string>& words, std::string_view separator) {
    std::string all;
    for (const std::string& word : words) all.append(all.empty() ? "" : separator).append(word);
    return all;
}

auto invalid(const OptionSpec& spec, const std::string& why) {
    return fail(errc::bad_option, "option " + spec.name + ": " + why);
}

Result<std::int64_t> index_of(const OptionSpec& spec, const std::vector<std::string>& choices,
                              const std::string& text) {
    const auto found = std::find(choices.begin(), choices.end(), text);
    if (found != choices.end()) return found - choices.begin();
    return invalid(spec, "invalid value \"" + text + "\"; available: " + list_of(choices, ", "));
}

Result<std::int64_t> integer_of(const OptionSpec& spec, const std::string& text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) return number;
    return invalid(spec, "\"" + text + "\" is not an integer");
}

// Adds the option's name to an error of a parser.
template <class T, class Convert>
Result<std::int64_t> number_of(const OptionSpec& spec, Result<T> parsed, Convert convert) {
    if (!parsed)
        return tl::unexpected(
            Error(parsed.error().code(), "option " + spec.name + ": " + parsed.error().context()));
    return convert(*parsed);
}

Result<std::int64_t> size_of(const OptionSpec& spec, const std::string& text) {
    constexpr std::size_t kMost = std::numeric_limits<std::int64_t>::max();
    const auto parsed = parse_size(text);
    if (parsed && *parsed > kMost) return invalid(spec, "\"" + text + "\" is too large");
    return number_of(spec, parsed,
                     [](std::size_t bytes) { return static_cast<std::int64_t>(bytes); });
}

Result<std::int64_t> value_of(const OptionSpec& spec, const std::string& text) {
    switch (spec.type) {
        case Type::text: return 0;
        case Type::flag: return index_of(spec, {"no", "yes"}, text);
        case Type::choice: return index_of(spec, spec.choices, text);
        case Type::integer: return integer_of(spec, text);
        case Type::size: return size_of(spec, text);
        case Type::duration:
            return number_of(spec, parse_duration(text),
                             [](std::chrono::milliseconds time) { return time.count(); });
        case Type::endpoint:
            return number_of(spec, Endpoint::parse(text), [](const Endpoint&) { return 0; });
    }
    return 0;
}

bool has_range(Type type) {
    return type == Type::integer || type == Type::size || type == Type::duration;
}

std::string with_unit(const OptionSpec& spec, std::int64_t number) {
    return std::to_string(number) + (spec.type == Type::duration ? "ms" : "");
}

Result<std::int64_t> check_value(const OptionSpec& spec, const std::string& text) {
    return value_of(spec, text).and_then([&](std::int64_t number) -> Result<std::int64_t> {
        if (!has_range(spec.type)) return number;
        if (number < spec.least)
            return invalid(spec, "must be at least " + with_unit(spec, spec.least));
        if (number > spec.most)
            return invalid(spec, "must be at most " + with_unit(spec, spec.most));
        return number;
    });
}

const OptionSpec* find_spec(const std::vector<OptionSpec>& specs, std::string_view name) {
    const auto found = std::find_if(specs.begin(), specs.end(),
                                    [&](const OptionSpec& spec) { return spec.name == name; });
    return found == specs.end() ? nullptr : &*found;
}

std::string names_of(const std::vector<OptionSpec>& specs) {
    std::vector<std::string> names;
    names.reserve(specs.size());
    for (const OptionSpec& spec : specs) names.push_back(spec.name);
    return names.empty() ? "it has none" : "available: " + list_of(names, ", ");
}

}  // namespace

std::string OptionSpec::usage() const {
    const auto value = [this]() -> std::string {
        if (!placeholder.empty()) return placeholder;
        switch (type) {
            case Type::text: return "TEXT";
            case Type::flag: return "yes|no";
            case Type::integer: return "N";
            case Type::size: return "SIZE";
            case Type::duration: return "DURATION";
            case Type::endpoint: return "ENDPOINT";
            case Type::choice: return list_of(choices, "|");
        }
        return "";
    };
    return name + "=" + value();
}

Options::Options(Map given) {
    for (auto& [name, text] : given) values_[name].text = text;
}

Result<Options> Options::parse(const std::vector<std::string>& assignments) {
    Map values;
    for (const std::string& text : assignments) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(errc::bad_option, "option \"" + text + "\": must be name=value");
        const auto [at, fresh] = values.emplace(text.substr(0, equals), text.substr(equals + 1));
        if (!fresh) return fail(errc::bad_option, "option " + at->first + ": given more than once");
    }
    return Options(std::move(values));
}

Result<Options> Options::checked(const std::vector<OptionSpec>& specs) const {
    for (const auto& [name, value] : values_) {
        if (find_spec(specs, name)) continue;
        return fail(errc::bad_option, "option " + name + ": no such option; " + names_of(specs));
    }
    Options all;
    for (const OptionSpec& spec : specs) {
        const auto given = values_.find(spec.name);
        if (given == values_.end() && !spec.fallback)
            return fail(errc::bad_option, "option " + spec.usage() + " is missing");
        const std::string& text = given == values_.end() ? *spec.fallback : given->second.text;
        const auto number = check_value(spec, text);
        if (!number) return tl::unexpected(number.error());
        all.values_[spec.name] = {text, *number};
    }
    return all;
}

const Options::Value& Options::at(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) throw std::logic_error("no option " + std::string(name));
    return found->second;
}

const std::string& Options::text(std::string_view name) const {
    return at(name).text;
}

std::int64_t Options::number(std::string_view name) const {
    const auto& number = at(name).number;
    if (!number) throw std::logic_error("option " + std::string(name) + " is not checked");
    return *number;
}

bool Options::flag(std::string_view name) const {
    return number(name) != 0;
}

std::int64_t Options::integer(std::string_view name) const {
    return number(name);
}

std::size_t Options::size(std::string_view name) const {
    return static_cast<std::size_t>(number(name));
}

std::chrono::milliseconds Options::duration(std::string_view name) const {
    return std::chrono::milliseconds(number(name));
}

std::size_t Options::choice(std::string_view name) const {
    return static_cast<std::size_t>(number(name));
}

Endpoint Options::endpoint(std::string_view name) const {
    return Endpoint::parse(text(name)).value();
}

}  // namespace switchboard
