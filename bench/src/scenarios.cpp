#include "scenarios.hpp"

#include <algorithm>

namespace switchboard::bench {

namespace {

// What clients there are beside those that are measured, and how they come.
std::vector<Scenario> of_clients() {
    return {
        {"slow-client",
         "100 fast clients behind one that reads slowly: who serves one at a time serves nobody "
         "else",
         {{"--connections", "100"}, {"--size", "64"}, {"--beside", "slow-reader:1"}}},
        {"stalled-clients",
         "10 clients beside 20 that sent half a message: pools are full of those who say nothing",
         {{"--connections", "10"}, {"--size", "64"}, {"--beside", "stalled:20"}}},
        {"many-idle",
         "10 busy among 10,000 idle: what a connection costs that does nothing",
         {{"--connections", "10"}, {"--size", "64"}, {"--beside", "idle:10000"}}},
    };
}

std::vector<Scenario> of_loads() {
    return {
        {"large-messages",
         "16 KiB at a time: copying and the network's share grow, waking up matters less",
         {{"--connections", "1,100"}, {"--size", "16k"}}},
        {"pipelining",
         "16 requests under way per connection: who answers all it has read in one call is faster",
         {{"--connections", "1,100"}, {"--size", "64"}, {"--depth", "16"}}},
        {"short-connections",
         "connect, one echo, close: what a thread or a process for each costs",
         {{"--workload", "connect"},
          {"--connections", "64"},
          {"--size", "64"},
          {"--same-core", ""}}},
        {"stream",
         "1 GiB there and back over one connection",
         {{"--connections", "1"},
          {"--size", "64k"},
          {"--depth", "16"},
          {"--exchanges", "16384"},
          {"--duration", "60s"},
          {"--same-core", ""}}},
        {"upload",
         "one-way streams to the server",
         {{"--workload", "upload"},
          {"--connections", "1,10"},
          {"--size", "64k"},
          {"--same-core", ""}}},
        {"download",
         "one-way streams from the server",
         {{"--workload", "download"},
          {"--connections", "1,10"},
          {"--size", "64k"},
          {"--same-core", ""}}},
        {"cpu-work",
         "1 ms of CPU for each request, and all CPUs to the server: threads and processes win over "
         "one "
         "reactor",
         {{"--workload", "reply"},
          {"--connections", "8"},
          {"--size", "64"},
          {"--work", "1ms"},
          {"--workers", "8"},
          {"--spread", ""}}},
        {"fan-out",
         "what one says 100 others hear",
         {{"--workload", "fan-out"}, {"--connections", "101"}, {"--size", "64"}}},
        {"open-loop",
         "10,000 requests a second, as those of many come: latency where nobody waits for his turn",
         {{"--connections", "100"},
          {"--size", "64"},
          {"--rate", "10k"},
          {"--arrivals", "poisson"}}},
    };
}

}  // namespace

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all = [] {
        auto both = of_clients();
        const auto loads = of_loads();
        both.insert(both.end(), loads.begin(), loads.end());
        return both;
    }();
    return all;
}

const Scenario* find_scenario(std::string_view name) {
    const auto& all = scenarios();
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const Scenario& scenario) { return scenario.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::string list_scenarios() {
    std::string text;
    for (const Scenario& scenario : scenarios()) {
        const std::string name(scenario.name);
        text += name + std::string(name.size() < 18 ? 18 - name.size() : 1, ' ') +
                std::string(scenario.summary) + "\n" + std::string(18, ' ');
        for (const auto& [option, value] : scenario.options)
            text += option + (value.empty() ? " " : " " + value + " ");
        text.back() = '\n';
    }
    return text;
}

}  // namespace switchboard::bench
