// `switchboard serve --throttle-in RATE` and the other three: bytes per second.
#pragma once

#include <optional>
#include <string>
#include <switchboard/registry.hpp>
#include <switchboard/throttle.hpp>
#include <tl/expected.hpp>

namespace CLI {
class App;
}

namespace switchboard::program {

struct Plan;

// As it stands on the command line.
struct ThrottleArguments {
    std::optional<std::string> in, out, all_in, all_out;
};

void add_throttle(CLI::App& command, ThrottleArguments& arguments);
tl::expected<ThrottleOptions, std::string> parse_throttle(const ThrottleArguments& arguments,
                                                          const Limits& limits, bool datagrams);

// As Registry::make, for what the plan says, throttled if it says so. errc::unsupported: a protocol
// that needs the reactor reaches connections past the throttle.
Result<ProtocolFactory> make_throttled(const Registry& registry, const Plan& plan,
                                       const ProtocolContext& context);

}  // namespace switchboard::program
