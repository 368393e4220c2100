// What a comparison measures, and in which order: servers, loads and rounds.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "compare/knee.hpp"
#include "compare/measurement.hpp"
#include "load/arrivals.hpp"
#include "load/load.hpp"
#include "system/cpus.hpp"
#include "system/server_process.hpp"
#include "workload/script.hpp"

namespace switchboard::bench {

inline constexpr double kNoiseLimit = 0.05;  // a share of CPU time; see CpuNoise::share()

struct Experiment {
    std::string workload = "echo";         // of workload_kinds()
    std::vector<std::string> servers;      // names that server() finds, in the tables' order
    std::vector<ServerKind> own_servers;   // of --server
    std::shared_ptr<const Script> script;  // of the workload script
    std::vector<std::size_t> connections{1, 10, 100, 1000};
    std::vector<std::size_t> sizes{64, 16384};  // bytes per message
    std::size_t reply = 64;               // bytes per reply, if it differs from the request's size
    std::size_t depth = 1;                // messages in flight per connection
    std::vector<std::string> background;  // see parse_background()
    std::chrono::microseconds work{};     // CPU time of the server per request
    std::uint64_t work_steps = 0;         // the same in steps of this machine
    double rate = 0;                      // requests a second; 0: closed loop
    Arrivals arrivals = Arrivals::constant;
    std::uint64_t exchanges = Load::kNoEnd;     // ends a window early
    std::chrono::milliseconds duration{2'000};  // of one window
    std::size_t rounds = 5;
    std::size_t workers = 4;           // of the pools
    std::string over = "tcp";          // loopback: tcp, or tls over it; or unix sockets
    std::string baseline = "reactor";  // the server that ratios are computed against
    std::uint64_t seed = 0;            // of the order; 0 until one is chosen
    bool same_core = false;
    bool spread = false;   // the server has all CPUs
    std::string scenario;  // its name; empty: none
    bool find_knee = false;
    std::optional<Slo> slo;      // of find_knee
    double noise = kNoiseLimit;  // of the CPU time, in [0, 1]; above it figures are marked

    std::optional<ServerKind> server(std::string_view name) const;  // the user's own, or built in
    Cpus cpus() const;
    std::chrono::milliseconds warm_up() const;       // a quarter of the window, 100 to 500 ms
    std::chrono::milliseconds quiet_period() const;  // half of it, 300 ms to 1 s
};

// By size, then connections, in the experiment's order, without a server.
std::vector<Cell> all_loads(const Experiment& experiment);
// The same with each server.
std::vector<Cell> all_cells(const Experiment& experiment);

// Each round has all loads in a random order, and under each load all servers in a random order, one after
// another. So compared figures are close in time, and no server is always first. The same seed gives the same
// order.
class RandomOrder {
public:
    explicit RandomOrder(const Experiment& experiment);
    std::vector<Cell> next_round();

private:
    std::vector<Cell> loads_;  // without a server
    std::vector<std::string> servers_;
    std::mt19937_64 random_;
};

}  // namespace switchboard::bench
