#include "trial.hpp"

#include <CLI/CLI.hpp>

namespace switchboard::bench {

void add_trial(CLI::App& app, std::function<int()>& chosen) {
    CLI::App* trials = app.add_subcommand("trial", "what a server must stand, with its bounds");
    trials->require_subcommand(0, 1);
    trials->callback([trials] {
        if (trials->get_subcommands().empty()) throw CLI::RequiredError("trial: a name");
    });
    add_churn(*trials, chosen);
    add_firehose(*trials, chosen);
    add_crowd(*trials, chosen);
    add_truth(*trials, chosen);
}

}  // namespace switchboard::bench
