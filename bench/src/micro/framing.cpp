#include <benchmark/benchmark.h>
#include <memory>
#include <string>
#include <switchboard/inetd.hpp>
#include <switchboard/message_handler.hpp>
#include <vector>

#include "micro/micro.hpp"
#include "micro/null_connection.hpp"

namespace switchboard::bench {
namespace {

// A kind of framing whose frames carry `payload` bytes.
struct Kind {
    const char* name;
    Framing (*of)(std::size_t payload);
};
constexpr Kind kKinds[] = {
    {"delimited", [](std::size_t) { return Framing::delimited("\r\n"); }},
    {"fixed", [](std::size_t payload) { return Framing::fixed(payload); }},
    {"prefixed", [](std::size_t) { return Framing::prefixed(4); }},
    {"varint", [](std::size_t) { return Framing::varint(); }},
};

constexpr std::size_t kOneRead = 64 * 1024;  // bytes, as the reactor reads them

std::size_t size_of(const benchmark::State& state) {
    return static_cast<std::size_t>(state.range(0));
}

// `frames` is the count in each iteration. The size of a payload is the benchmark's argument.
void count_frames(benchmark::State& state, std::size_t frames) {
    const auto all = state.iterations() * static_cast<std::int64_t>(frames);
    state.SetItemsProcessed(all);
    state.SetBytesProcessed(all * state.range(0));
}

struct FrameCounter final : FrameHandler {
    FrameCounter(Framing framing, std::size_t& bytes)
        : FrameHandler(std::move(framing)), taken(bytes) {}
    void on_frame(Connection&, MutableBytes frame) override { taken += frame.size(); }
    std::size_t& taken;
};
struct LineCounter final : LineHandler {
    explicit LineCounter(std::size_t& bytes) : taken(bytes) {}
    void on_line(Connection&, std::string_view line) override { taken += line.size(); }
    std::size_t& taken;
};

// Messages arrive through a ProtocolRunner, as under every driver: as many at once as one read returns.
void take(benchmark::State& state, std::unique_ptr<Protocol> protocol, const std::size_t& taken,
          Bytes message) {
    const std::size_t messages = kOneRead / message.size();
    std::vector<std::byte> arriving;
    for (std::size_t i = 0; i < messages; ++i)
        arriving.insert(arriving.end(), message.begin(), message.end());
    NullConnection connection(std::move(protocol));
    for (auto _ : state) connection.arrive(arriving);
    count_frames(state, messages);
    if (taken != static_cast<std::size_t>(state.iterations()) * messages * size_of(state))
        state.SkipWithError("a message was lost");
}

void take_frames(benchmark::State& state, Kind kind) {
    std::size_t taken = 0;
    const Framing framing = kind.of(size_of(state));
    const std::string payload(size_of(state), 'x');
    take(state, std::make_unique<FrameCounter>(framing, taken), taken,
         encode_frame(framing, as_bytes(payload)));
}

void take_lines(benchmark::State& state) {
    std::size_t taken = 0;
    const std::string line = encode_line(std::string(size_of(state), 'x'), LineEnd::crlf);
    take(state, std::make_unique<LineCounter>(taken), taken, as_bytes(line));
}

void find_front(benchmark::State& state, Kind kind) {
    const Framing framing = kind.of(size_of(state));
    const std::string payload(size_of(state), 'x');
    const auto frame = encode_frame(framing, as_bytes(payload));
    for (auto _ : state) {
        Bytes in = frame;
        benchmark::DoNotOptimize(in);
        const Framing::Front front = framing.front(in);
        if (front.found != Framing::Found::whole || front.payload != payload.size())
            return state.SkipWithError("the frame was not found");
    }
    count_frames(state, 1);
}

void encode(benchmark::State& state, Kind kind) {
    const Framing framing = kind.of(size_of(state));
    const std::string payload(size_of(state), 'x');
    for (auto _ : state) benchmark::DoNotOptimize(encode_frame(framing, as_bytes(payload)));
    count_frames(state, 1);
}

// write_frame() makes no copy, so this measures the check that the framing can carry the payload.
void write(benchmark::State& state, Kind kind) {
    const Framing framing = kind.of(size_of(state));
    const std::string payload(size_of(state), 'x');
    NullConnection connection(std::make_unique<Discard>());
    for (auto _ : state) write_frame(connection, framing, as_bytes(payload));
    benchmark::DoNotOptimize(connection.written());
    count_frames(state, 1);
}

void over_sizes(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgName("size")->Arg(16)->Arg(256)->Arg(4096);
}

void over_kinds(const std::string& name, void (*body)(benchmark::State&, Kind)) {
    for (const Kind& kind : kKinds) {
        over_sizes(benchmark::RegisterBenchmark((name + "/kind:" + kind.name).c_str(), body, kind));
    }
}

}  // namespace

void register_framing() {
    over_kinds("BM_FramingFront", find_front);
    over_kinds("BM_FramingEncode", encode);
    over_kinds("BM_FramingWrite", write);
    over_kinds("BM_FrameHandler", take_frames);
    over_sizes(benchmark::RegisterBenchmark("BM_LineHandler", take_lines));
}

}  // namespace switchboard::bench
