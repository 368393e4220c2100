// The option --throttle-in RATE of `switchboard serve` and the other three, in bytes per second.
#pragma once

#include <optional>
#include <string>
#include <switchboard/limits.hpp>
#include <switchboard/throttle.hpp>
#include <tl/expected.hpp>

namespace CLI {
class App;
}

namespace switchboard::program {

// The arguments as given on the command line.
struct ThrottleArguments {
    std::optional<std::string> in, out, all_in, all_out;
};

void add_throttle(CLI::App& command, ThrottleArguments& arguments);
tl::expected<ThrottleOptions, std::string> parse_throttle(const ThrottleArguments& arguments,
                                                          const ConnectionLimits& limits,
                                                          bool datagrams);

}  // namespace switchboard::program
