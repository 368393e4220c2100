#include <benchmark/benchmark.h>
#include <mask.hpp>
#include <string>
#include <utf8.hpp>
#include <vector>

#include "micro/micro.hpp"

namespace switchboard::bench {
namespace {

using websocket::detail::apply_mask;
using websocket::detail::is_utf8;

void count_bytes(benchmark::State& state) {
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

void unmask(benchmark::State& state) {
    std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        apply_mask(payload, 0x01c2f304);
        benchmark::ClobberMemory();
    }
    const bool is_masked = state.iterations() % 2 == 1;
    if ((payload.back() != std::byte{0}) != is_masked) return state.SkipWithError("wrong bytes");
    count_bytes(state);
}

// `words` is repeated, and ends with a whole character.
void validate(benchmark::State& state, std::string_view words) {
    const auto size = static_cast<std::size_t>(state.range(0));
    std::string text;
    while (text.size() + words.size() <= size) text += words;
    text.resize(size, '.');
    for (auto _ : state) {
        if (!is_utf8(as_bytes(text))) return state.SkipWithError("valid text was refused");
        benchmark::ClobberMemory();
    }
    count_bytes(state);
}

template <class Body, class... Arguments>
void over_payloads(const char* name, Body body, Arguments... arguments) {
    benchmark::RegisterBenchmark(name, body, arguments...)
        ->ArgName("size")
        ->Arg(64)
        ->Arg(1024)
        ->Arg(64 * 1024);
}

}  // namespace

void register_websocket() {
    over_payloads("BM_Unmask", unmask);
    over_payloads("BM_Utf8/text:ascii", validate, "The quick brown fox. ");
    over_payloads("BM_Utf8/text:mixed", validate, "Grüße, 世界! \U0001f600 ");
}

}  // namespace switchboard::bench
