// What `switchboard-bench compare` is asked to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <switchboard/error.hpp>
#include <vector>

#include "judge.hpp"

namespace CLI {
class App;
}

namespace switchboard::bench {

struct CompareOptions {
    std::string protocol = "echo";
    std::vector<std::string> servers;  // names of server_kinds(), in the order of the tables
    std::vector<std::size_t> connections{1, 10, 100, 1000};
    std::vector<std::size_t> sizes{64, 16384};  // bytes per message
    std::size_t depth = 1;                      // messages under way per connection
    std::chrono::milliseconds duration{2'000};  // of one window
    std::size_t rounds = 5;
    std::size_t workers = 4;           // of the pools
    std::string over = "tcp";          // what carries the bytes: tcp (loopback) or unix
    std::string baseline = "reactor";  // what the ratios are to
    std::uint64_t seed = 0;            // of the order; 0 until one is chosen
    bool same_core = false;
    bool quick = false;
    bool cost = false;              // count what an exchange costs, too
    double noise = kNoiseLimit;     // of the CPU time, in [0, 1]; above it a cell is invalid
    std::string json, csv, report;  // file names; empty: none

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
