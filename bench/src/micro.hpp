// `switchboard-bench micro`: parts by themselves, with Google Benchmark.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace switchboard::bench {

// Adds `micro` to `app`. What follows it are Google Benchmark's own flags (--benchmark_filter=REGEX,
// --benchmark_format=json, ...). Its exit status is 0, 1 where a benchmark fails or the filter leaves
// none, or 2 for a flag that is none.
void add_micro(CLI::App& app, std::function<int()>& chosen);

}  // namespace switchboard::bench
