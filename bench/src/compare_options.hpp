// What `switchboard-bench compare` is asked to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <switchboard/error.hpp>
#include <vector>

#include "cpus.hpp"
#include "judge.hpp"
#include "load.hpp"
#include "schedule.hpp"
#include "slo.hpp"

namespace CLI {
class App;
}

namespace switchboard::bench {

struct CompareOptions {
    std::string workload = "echo";     // of workload_kinds()
    std::vector<std::string> servers;  // names that find_server_kind() knows, in the tables' order
    bool all_servers = false;          // none was named: peers that cannot be had are left out
    std::vector<std::size_t> connections{1, 10, 100, 1000};
    std::vector<std::size_t> sizes{64, 16384};  // bytes per message
    std::size_t reply = 64;                     // bytes per reply, where it is not the request's
    std::size_t depth = 1;                      // messages under way per connection
    std::vector<std::string> beside;            // see parse_beside()
    std::chrono::microseconds work{};           // CPU time of the server per request
    std::uint64_t work_steps = 0;               // the same as this machine counts it
    double rate = 0;                            // requests a second; 0: a closed loop
    Arrivals arrivals = Arrivals::constant;
    std::uint64_t exchanges = Load::kNoEnd;     // a window ends with so many
    std::chrono::milliseconds duration{2'000};  // of one window
    std::size_t rounds = 5;
    std::size_t workers = 4;           // of the pools
    std::string over = "tcp";          // what carries the bytes: tcp (loopback) or unix
    std::string baseline = "reactor";  // what the ratios are to
    std::uint64_t seed = 0;            // of the order; 0 until one is chosen
    bool same_core = false;
    bool spread = false;  // the server has all CPUs
    std::string scenario;
    bool lists = false;  // the scenarios, and nothing else
    bool quick = false;
    bool find_knee = false;
    std::optional<Slo> slo;         // of find_knee
    bool cost = false;              // count what an exchange costs, too
    double noise = kNoiseLimit;     // of the CPU time, in [0, 1]; above it a cell is invalid
    std::string json, csv, report;  // file names; empty: none
    std::string hgrm;               // a folder; empty: none

    Cpus cpus() const;
    std::chrono::milliseconds warm_up() const;  // a quarter of the window, 100 to 500 ms
    std::chrono::milliseconds settle() const;   // half of it, 300 ms to 1 s
};

// Adds `compare` to `app`. When it was asked for, with arguments that hold (else a CLI::ParseError
// is thrown while `app` parses), `chosen` becomes what runs it and answers the exit status.
void add_compare(CLI::App& app, std::function<int()>& chosen);

// The options of compare on `app`; `then` is called once they have been parsed and hold.
void describe_compare(CLI::App& app, CompareOptions& options, std::function<void()> then);

// What no single option can know: names, ranges, the descriptor limit. errc::bad_option.
Result<void> check(const CompareOptions& options);

}  // namespace switchboard::bench
