#include <benchmark/benchmark.h>
#include <cmath>
#include <random>
#include <vector>

#include "base/histogram.hpp"
#include "micro/micro.hpp"

namespace switchboard::bench {
namespace {

// Typical latencies of a load, in nanoseconds: from 10 us to a few milliseconds.
std::vector<std::uint64_t> draw_latencies() {
    std::mt19937_64 random(1);
    std::lognormal_distribution<double> latency(std::log(50'000), 1);
    std::vector<std::uint64_t> drawn(1 << 16);
    for (auto& value : drawn) value = static_cast<std::uint64_t>(latency(random));
    return drawn;
}

Histogram filled() {
    Histogram histogram;
    for (const auto value : draw_latencies()) histogram.record(value);
    return histogram;
}

void record(benchmark::State& state) {
    const auto latencies = draw_latencies();
    Histogram histogram;
    std::size_t i = 0;
    for (auto _ : state) histogram.record(latencies[i++ % latencies.size()]);
    if (histogram.count() != static_cast<std::uint64_t>(state.iterations()))
        state.SkipWithError("a value was not counted");
}

void percentile(benchmark::State& state) {
    const Histogram histogram = filled();
    for (auto _ : state) benchmark::DoNotOptimize(histogram.percentile(99.9));
}

void merge(benchmark::State& state) {
    const Histogram histogram = filled();
    Histogram all;
    for (auto _ : state) all.merge(histogram);
    benchmark::DoNotOptimize(all.count());
}

void write_hgrm(benchmark::State& state) {
    const Histogram histogram = filled();
    for (auto _ : state) benchmark::DoNotOptimize(to_hgrm(histogram, 1e6));
}

}  // namespace

void register_histogram() {
    benchmark::RegisterBenchmark("BM_Histogram/operation:record", record);
    benchmark::RegisterBenchmark("BM_Histogram/operation:percentile", percentile);
    benchmark::RegisterBenchmark("BM_Histogram/operation:merge", merge);
    benchmark::RegisterBenchmark("BM_Histogram/operation:hgrm", write_hgrm);
}

}  // namespace switchboard::bench
