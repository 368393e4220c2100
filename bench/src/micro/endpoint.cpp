#include <benchmark/benchmark.h>
#include <string>
#include <switchboard/endpoint.hpp>

#include "micro/micro.hpp"

namespace switchboard::bench {
namespace {

void parse(benchmark::State& state, const std::string& text) {
    for (auto _ : state) {
        auto endpoint = Endpoint::parse(text);
        if (!endpoint) return state.SkipWithError(endpoint.error().message().c_str());
        benchmark::DoNotOptimize(endpoint);
    }
}

}  // namespace

void register_endpoint() {
    const struct {
        const char *form, *text;
    } forms[] = {
        {"tcp4", "tcp://192.168.100.200:49152"},
        {"tcp6", "tcp://[2001:db8:85a3::8a2e:370:7334]:49152"},
        {"name", "switchboard.example.org:8080"},
        {"any", ":8080"},
        {"unix", "unix:/run/switchboard/echo.sock"},
    };
    for (const auto& each : forms) {
        const std::string name = std::string("BM_EndpointParse/form:") + each.form;
        benchmark::RegisterBenchmark(name.c_str(), parse, std::string(each.text));
    }
}

}  // namespace switchboard::bench
