#include <memory>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "self_test/self_test.hpp"

namespace switchboard::bench {

void add_self_test(CLI::App& app, std::function<int()>& chosen) {
    auto options = std::make_shared<SelfTestOptions>();
    CLI::App* command =
        app.add_subcommand("self-test", "check the load generator's percentiles, rates and counts");
    add_count(*command, "--stalls", options->stalls,
              "stalls of one second, one in every ten seconds [3]");
    add_count(*command, "--rounds", options->rounds, "rounds of the comparison with bare-load [7]");
    add_count(*command, "--connections", options->connections, "connections in these rounds [100]");
    command->callback([options, &chosen] {
        or_usage_error(check_range("--stalls", options->stalls, 1, 100));
        or_usage_error(check_range("--rounds", options->rounds, 1, 1'000));
        or_usage_error(check_range("--connections", options->connections, 1, 10'000));
        chosen = [options] { return self_test(*options); };
    });
}

}  // namespace switchboard::bench
