// An echo as a coroutine in a plugin, for `switchboard-bench cost`.
#include <switchboard/coroutine.hpp>
#include <switchboard/plugin.hpp>

namespace {

switchboard::Task<> echo(switchboard::Stream& peer) {
    while (const auto in = co_await peer.read_some()) peer.write(*in);
}

}  // namespace

SWITCHBOARD_PLUGIN("echo-coroutine", "1.0", "an echo as a coroutine") {
    registry.add({.name = "echo-coroutine",
                  .summary = "sends its input back",
                  .make = [](const auto&, const auto&) { return switchboard::coroutine(echo); }});
}
