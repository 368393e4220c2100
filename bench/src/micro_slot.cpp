#include <benchmark/benchmark.h>
#include <array>
#include <memory>
#include <switchboard/callbacks.hpp>
#include <switchboard/inetd.hpp>

#include "micro_connection.hpp"
#include "micro_parts.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kSize = 64;

// Takes messages of `length` bytes, and counts: as little as a handler can do.
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

// What a Slot is measured against: the same call without one.
void call_directly(benchmark::State& state) {
    std::size_t taken = 0;
    NullConnection connection(std::make_unique<Discard>());
    std::unique_ptr<Protocol> protocol = std::make_unique<Taker>(kSize, taken);
    Protocol* handler = protocol.get();
    std::array<std::byte, kSize> bytes{};
    for (auto _ : state) {
        benchmark::DoNotOptimize(handler);  // nor guess its type
        benchmark::DoNotOptimize(handler->on_data(connection, bytes));
    }
    check(state, taken);
}

void deliver(benchmark::State& state, std::unique_ptr<Protocol> protocol,
             const std::size_t& taken) {
    NullConnection connection(std::move(protocol));
    std::array<std::byte, kSize> bytes{};
    for (auto _ : state) connection.arrive(bytes);
    check(state, taken);
}

void data(benchmark::State& state) {
    std::size_t taken = 0;
    deliver(state, std::make_unique<Taker>(kSize, taken), taken);
}

void data_to_lambda(benchmark::State& state) {
    std::size_t taken = 0;
    deliver(state,
            make_protocol({.on_data =
                               [&taken](Connection&, MutableBytes in) {
                                   ++taken;
                                   return in.size();
                               }}),
            taken);
}

// A message in two halves: the first is kept, and offered again with the second behind it.
void data_in_halves(benchmark::State& state) {
    std::size_t taken = 0;
    NullConnection connection(std::make_unique<Taker>(kSize, taken));
    std::array<std::byte, kSize> bytes{};
    const MutableBytes all(bytes);
    for (auto _ : state) {
        connection.arrive(all.first(kSize / 2));
        connection.arrive(all.last(kSize / 2));
    }
    check(state, taken);
}

void deadline(benchmark::State& state) {
    std::size_t taken = 0;
    NullConnection connection(std::make_unique<Taker>(kSize, taken));
    for (auto _ : state) connection.ring();
    check(state, taken);
}

}  // namespace

void register_slot() {
    benchmark::RegisterBenchmark("BM_Slot/call:without", call_directly);
    benchmark::RegisterBenchmark("BM_Slot/call:data", data);
    benchmark::RegisterBenchmark("BM_Slot/call:data_to_lambda", data_to_lambda);
    benchmark::RegisterBenchmark("BM_Slot/call:data_in_halves", data_in_halves);
    benchmark::RegisterBenchmark("BM_Slot/call:deadline", deadline);
}

}  // namespace switchboard::bench
