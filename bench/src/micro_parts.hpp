// What `switchboard-bench micro` measures: each registers its benchmarks with Google Benchmark, once.
// A name is BM_THING/key:value/..., as BM_Echo/driver:reactor/connections:1/size:64; Google Benchmark
// itself adds /real_time where that is what counts.
#pragma once

namespace switchboard::bench {

void register_slot();       // a callback through a Slot, beside a bare virtual call
void register_framing();    // finding the front of frames, writing them, handlers that take them
void register_endpoint();   // reading endpoints
void register_histogram();  // what a load records with, and what it is asked afterwards
void register_timers();     // moving a deadline, in the timing wheel and beside it in libuv's heap
void register_posts();      // posts of one and two threads until the reactor has run the last
void register_datagrams();  // what joining datagrams (GSO, GRO; man 7 udp) is worth
void register_echo();       // an exchange on each of some connections, through every driver

}  // namespace switchboard::bench
