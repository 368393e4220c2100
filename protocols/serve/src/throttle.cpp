#include "throttle.hpp"

#include <CLI/CLI.hpp>

#include "commands.hpp"

namespace switchboard::program {
namespace {

struct Flag {
    const char* name;
    std::optional<std::string> ThrottleArguments::*text;
    std::uint64_t ThrottleOptions::*rate;
    const char* meaning;
};

const Flag kFlags[] = {
    {"--throttle-in", &ThrottleArguments::in, &ThrottleOptions::in_per_second,
     "Bytes per second from each client, such as 64k or 1M [no limit]"},
    {"--throttle-out", &ThrottleArguments::out, &ThrottleOptions::out_per_second,
     "Bytes per second to each client [no limit]"},
    {"--throttle-all-in", &ThrottleArguments::all_in, &ThrottleOptions::all_in_per_second,
     "Bytes per second from all clients together (process drivers: for each process) [no limit]"},
    {"--throttle-all-out", &ThrottleArguments::all_out, &ThrottleOptions::all_out_per_second,
     "Bytes per second to all clients together (process drivers: for each process) [no limit]"},
};

std::string asked(const Flag& flag, const std::string& text) {
    return std::string(flag.name) + " " + text + ": ";
}

tl::expected<std::uint64_t, std::string> parse_rate(const Flag& flag, const std::string& text) {
    const auto rate = parse_size(text);
    if (!rate)
        return refuse(asked(flag, text) + "must be bytes per second, such as 65536, 64k or 1M");
    if (*rate == 0) return refuse(asked(flag, text) + "a rate of 0 would let nothing pass");
    if (*rate > ThrottleOptions::kMostRate)
        return refuse(asked(flag, text) + "more than 1024G per second");
    return *rate;
}

}  // namespace

void add_throttle(CLI::App& command, ThrottleArguments& arguments) {
    for (const Flag& flag : kFlags) {
        command.add_option(flag.name, arguments.*flag.text, flag.meaning)->type_name("RATE");
    }
}

tl::expected<ThrottleOptions, std::string> parse_throttle(const ThrottleArguments& arguments,
                                                          const ConnectionLimits& limits,
                                                          bool datagrams) {
    ThrottleOptions options;
    options.limits = limits;
    for (const Flag& flag : kFlags) {
        const auto& text = arguments.*flag.text;
        if (!text) continue;
        if (datagrams)
            return refuse(asked(flag, *text) + "applies to connections only, not to datagrams");
        const auto rate = parse_rate(flag, *text);
        if (!rate) return refuse(rate.error());
        options.*flag.rate = *rate;
    }
    return options;
}

}  // namespace switchboard::program
