// When the requests of an open loop are due. No clock in here.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace switchboard::bench {

// At equal distances, or as those of many who know nothing of each other come (a Poisson process: the
// distances are exponential).
enum class Arrivals : bool { constant, poisson };

class Schedule {
public:
    // `per_second` is above 0; the seed is for Arrivals::poisson.
    Schedule(double per_second, Arrivals arrivals, std::uint64_t seed = 1);

    // From the start to the next one, which is one distance after it at first.
    std::chrono::nanoseconds next() const noexcept;
    void advance();

private:
    double per_second_;
    Arrivals arrivals_;
    std::uint64_t count_ = 1;  // of the next
    double at_ = 0;            // seconds; of the next
    std::mt19937_64 random_;
    std::exponential_distribution<double> distance_;
};

}  // namespace switchboard::bench
