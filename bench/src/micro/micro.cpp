#include "micro/micro.hpp"

#include <benchmark/benchmark.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

namespace switchboard::bench {
namespace {

void register_all() {
    register_slot();
    register_framing();
    register_endpoint();
    register_histogram();
    register_timers();
    register_posts();
    register_websocket();
    register_datagrams();
}

// Reports as the flags request, and notes whether a benchmark failed: Google Benchmark itself exits with 0.
class Watching final : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context& context) override { return to_->ReportContext(context); }
    void ReportRuns(const std::vector<Run>& runs) override {
        failed_ = failed_ || std::any_of(runs.begin(), runs.end(),
                                         [](const Run& run) { return run.error_occurred; });
        to_->ReportRuns(runs);
    }
    void Finalize() override { to_->Finalize(); }
    bool failed() const { return failed_; }

private:
    const std::unique_ptr<BenchmarkReporter> to_{benchmark::CreateDefaultDisplayReporter()};
    bool failed_ = false;
};

void print_help() {
    std::puts("usage: switchboard-bench micro [FLAG]...\n\nThe flags are Google Benchmark's:");
    benchmark::PrintDefaultHelp();
}

int micro(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "switchboard-bench micro");
    std::vector<char*> arguments;
    arguments.reserve(flags.size());
    for (auto& flag : flags) arguments.push_back(flag.data());
    auto count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data(), print_help);
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
    register_all();
    Watching reporter;
    // If no benchmark matches, Google Benchmark says so on stderr.
    const bool none = benchmark::RunSpecifiedBenchmarks(&reporter) == 0;
    benchmark::Shutdown();
    return none || reporter.failed() ? 1 : 0;
}

}  // namespace

void add_micro(CLI::App& app, std::function<int()>& chosen) {
    CLI::App* command = app.add_subcommand(
        "micro", "time single parts; takes Google Benchmark's flags (--benchmark_filter=REGEX)");
    command->prefix_command();
    command->set_help_flag();  // Google Benchmark's own help lists the flags
    command->callback(
        [command, &chosen] { chosen = [flags = command->remaining()] { return micro(flags); }; });
}

}  // namespace switchboard::bench
