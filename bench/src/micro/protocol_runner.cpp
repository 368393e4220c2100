#include <benchmark/benchmark.h>
#include <array>
#include <memory>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>

#include "micro/micro.hpp"
#include "micro/null_connection.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kChunk = 64;

// Counts messages of `length` bytes: the least that a handler can do.
class Taker final : public Protocol {
public:
    Taker(std::size_t length, std::size_t& taken) : length_(length), taken_(taken) {}
    std::size_t on_data(Connection&, MutableBytes in) override {
        if (in.size() < length_) return 0;
        ++taken_;
        return length_;
    }
    void on_deadline(Connection&) override { ++taken_; }

private:
    std::size_t length_;
    std::size_t& taken_;
};

void check(benchmark::State& state, std::size_t taken) {
    if (taken != static_cast<std::size_t>(state.iterations()))
        state.SkipWithError("not every call came to the handler");
}

// The reference for a ProtocolRunner: the same call without one.
void call_directly(benchmark::State& state) {
    std::size_t taken = 0;
    NullConnection connection(std::make_unique<Discard>());
    std::unique_ptr<Protocol> protocol = std::make_unique<Taker>(kChunk, taken);
    Protocol* handler = protocol.get();
    std::array<std::byte, kChunk> bytes{};
    for (auto _ : state) {
        benchmark::DoNotOptimize(handler);  // keeps the call virtual
        benchmark::DoNotOptimize(handler->on_data(connection, bytes));
    }
    check(state, taken);
}

void deliver(benchmark::State& state, std::unique_ptr<Protocol> protocol,
             const std::size_t& taken) {
    NullConnection connection(std::move(protocol));
    std::array<std::byte, kChunk> bytes{};
    for (auto _ : state) connection.arrive(bytes);
    check(state, taken);
}

void data(benchmark::State& state) {
    std::size_t taken = 0;
    deliver(state, std::make_unique<Taker>(kChunk, taken), taken);
}

void data_to_lambda(benchmark::State& state) {
    std::size_t taken = 0;
    const auto take = [&taken](Connection&, MutableBytes in) {
        ++taken;
        return in.size();
    };
    deliver(state, make_protocol({.on_data = take}), taken);
}

// A message in two halves: the first is kept, and offered again together with the second.
void data_in_halves(benchmark::State& state) {
    std::size_t taken = 0;
    NullConnection connection(std::make_unique<Taker>(kChunk, taken));
    std::array<std::byte, kChunk> bytes{};
    const MutableBytes all(bytes);
    for (auto _ : state) {
        connection.arrive(all.first(kChunk / 2));
        connection.arrive(all.last(kChunk / 2));
    }
    check(state, taken);
}

void deadline(benchmark::State& state) {
    std::size_t taken = 0;
    NullConnection connection(std::make_unique<Taker>(kChunk, taken));
    for (auto _ : state) connection.ring();
    check(state, taken);
}

}  // namespace

void register_slot() {
    benchmark::RegisterBenchmark("BM_ProtocolRunner/call:without", call_directly);
    benchmark::RegisterBenchmark("BM_ProtocolRunner/call:data", data);
    benchmark::RegisterBenchmark("BM_ProtocolRunner/call:data_to_lambda", data_to_lambda);
    benchmark::RegisterBenchmark("BM_ProtocolRunner/call:data_in_halves", data_in_halves);
    benchmark::RegisterBenchmark("BM_ProtocolRunner/call:deadline", deadline);
}

}  // namespace switchboard::bench
