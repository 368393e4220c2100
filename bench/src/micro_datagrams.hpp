// What joining datagrams (GSO, GRO; man 7 udp) is worth: a part of `switchboard-bench micro`.
#pragma once

namespace switchboard::bench {

// Registers datagrams/one_by_one, /sent_joined and /joined with Google Benchmark: 32 datagrams of 64
// bytes a round, over loopback on one thread. The counters send_ns and receive_ns are per datagram.
void register_datagrams();

}  // namespace switchboard::bench
