// The conformance kit: what every protocol must pass, whoever wrote it.
#pragma once

#include <string>
#include <string_view>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard::testing {

// What one way to deliver the input led to.
struct Outcome {
    std::string output;           // all bytes the peer got
    bool closed = false;          // on_close came before the test ended it
    std::error_code reason = {};  // of on_close, when closed
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

struct ConformanceOptions {
    bool eof_after_input = true;     // the peer's FIN follows the input
    std::size_t most_splits = 4096;  // longer inputs are split at that many places, evenly spread
    std::size_t random_runs = 32;    // runs with short reads, short writes and small windows
    std::uint64_t seed = 1;
    Limits limits = {};
};

// Delivers `input` to a fresh protocol whole, byte by byte, in two parts at every split, and in
// random pieces under backpressure; answers one line per delivery whose outcome differed from the
// whole one ("split at 17: output ..."), seed included. Empty: the protocol conforms.
std::vector<std::string> check_deliveries(const ProtocolFactory& factory, std::string_view input,
                                          const ConformanceOptions& options = {});

// The outcome of delivering it whole, for comparison with what it should be.
Outcome deliver(const ProtocolFactory& factory, std::string_view input,
                const ConformanceOptions& options = {});

// Random bytes, lengths and events (`runs` times, from `seed`): the protocol must not crash, hang,
// pass its limits or write after close. Answers one line per violation, with its seed.
std::vector<std::string> check_robustness(const ProtocolFactory& factory, std::size_t runs,
                                          std::uint64_t seed = 1, const Limits& limits = {});

}  // namespace switchboard::testing
