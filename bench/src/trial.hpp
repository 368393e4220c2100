// `switchboard-bench trial NAME`: what a server must stand. Each prints its figures beside their
// bounds, and its exit status is 1 if a bound is broken.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace switchboard::bench {

// Adds `trial` to `app`, as add_compare() does.
void add_trial(CLI::App& app, std::function<int()>& chosen);

// One trial each, in the file of its name; a new one is a line here and one in trial.cpp.
void add_churn(CLI::App& trials, std::function<int()>& chosen);
void add_firehose(CLI::App& trials, std::function<int()>& chosen);
void add_crowd(CLI::App& trials, std::function<int()>& chosen);
void add_truth(CLI::App& trials, std::function<int()>& chosen);

}  // namespace switchboard::bench
