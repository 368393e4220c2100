// `switchboard-bench micro`: times single parts with Google Benchmark.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace switchboard::bench {

// Adds `micro` to `app`. It takes Google Benchmark's flags (--benchmark_filter=REGEX and others). Its exit
// status is 0, 1 if a benchmark fails or none matches the filter, or 2 for an unknown flag.
void add_micro(CLI::App& app, std::function<int()>& chosen);

void register_slot();       // a callback through a ProtocolRunner, and a bare virtual call
void register_framing();    // finding and writing frames, and handlers that receive them
void register_endpoint();   // parsing endpoints
void register_histogram();  // recording latencies, and queries afterwards
void register_timers();     // moving a deadline, in the timing wheel and in libuv's heap
void register_posts();      // posts of one and two threads, until the reactor has run the last one
void register_websocket();  // unmasking payloads, and checking UTF-8
void register_datagrams();  // the effect of joining datagrams (GSO, GRO; man 7 udp)

}  // namespace switchboard::bench
