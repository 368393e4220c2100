// Serves Sum as `switchboard serve` would: with every driver, limits, TLS, metrics and plugins. See --help.
#include <switchboard/callbacks.hpp>
#include <switchboard/serve.hpp>

#include "own_protocol/sum.hpp"

int main(int argc, char** argv) {
    const auto make = [](const auto&, const auto&) { return switchboard::factory_of<Sum>(); };
    switchboard::Registry registry;
    registry.add({.name = "sum", .summary = "adds the numbers of each line", .make = make});
    return switchboard::serve_main(argc, argv, registry, {.version = "1.0"});
}
