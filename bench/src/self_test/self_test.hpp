// `switchboard-bench self-test`: checks the figures that the load generator reports.
#pragma once

#include <cstddef>

namespace switchboard::bench {

struct SelfTestOptions {
    std::size_t stalls = 3;         // one second in every ten
    std::size_t rounds = 7;         // against the hand-written generator
    std::size_t connections = 100;  // in these rounds
};

// Prints every figure with its bound. Returns the exit status: 1 if a bound is broken.
int self_test(const SelfTestOptions& options);

}  // namespace switchboard::bench
