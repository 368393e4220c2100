#include <random>
#include <stdexcept>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

#include "violation.hpp"

namespace switchboard::testing {
namespace {

constexpr std::size_t kMostTurns = 100'000;  // per event; after more a protocol counts as hung

// One connection whose peer does random things at random times.
class Chaos {
public:
    Chaos(const ProtocolFactory& factory, std::uint64_t seed, const ConnectionLimits& limits)
        : random_(seed),
          limits_(limits),
          driver_(faults(seed)),
          peer_(driver_.connect(factory, limits)) {
        peer_.set_window(below(4096));
    }

    // Returns a violation, or an empty text.
    std::string run() {
        try {
            for (std::size_t events = 1 + below(60); events > 0 && !peer_.closed(); --events) {
                event();
                driver_.run(kMostTurns);
                if (std::string wrong = violation_of(peer_); !wrong.empty()) return wrong;
            }
        } catch (const std::runtime_error& e) {
            return std::string("hangs: ") + e.what();
        }
        return {};
    }

private:
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

    NetworkFaults faults(std::uint64_t seed) {
        return {.seed = seed,
                .short_reads = below(2) == 0,
                .short_writes = below(2) == 0,
                .reorder = false,
                .reset_chance = below(8) == 0 ? 0.01 : 0.0};
    }

    void event() {
        switch (below(16)) {
            case 0: return peer_.set_window(below(4) == 0 ? 0 : below(256 * 1024));
            case 1: return driver_.advance(std::chrono::milliseconds(below(60'000)));
            case 2: return below(8) == 0 ? peer_.shutdown_write() : void(peer_.take_received());
            case 3: return below(16) == 0 ? peer_.reset() : void(peer_.take_received());
            case 4: driver_.turn(); return;
            default: peer_.send(bytes());
        }
    }

    // Mostly short texts, sometimes longer than every limit. Either random bytes, or those that protocols
    // look for.
    std::string bytes() {
        static constexpr std::string_view kTelling("\r\n\0 :,{}[]0123456789abz/\xff", 25);
        const std::size_t size =
            below(32) == 0 ? below(limits_.max_read_buffer + 4096) : 1 + below(200);
        if (below(3) == 0) return std::string(size, static_cast<char>(random_()));
        const bool telling = below(2) == 0;
        std::string text(size, '\0');
        std::uint64_t word = 0;  // one random number gives eight bytes
        for (std::size_t i = 0; i < size; ++i) {
            word = i % 8 == 0 ? random_() : word >> 8;
            const std::size_t byte = word & 0xff;
            text[i] = telling ? kTelling[byte % kTelling.size()] : static_cast<char>(byte);
        }
        return text;
    }

    std::mt19937_64 random_;
    const ConnectionLimits limits_;
    MemoryDriver driver_;
    MemoryPeer& peer_;
};

}  // namespace

Findings check_robustness(const ProtocolFactory& factory, std::size_t runs, std::uint64_t seed,
                          const ConnectionLimits& limits) {
    Findings lines;
    for (std::uint64_t i = 0; i < runs; ++i) {
        const std::string wrong = Chaos(factory, seed + i, limits).run();
        if (!wrong.empty()) lines.push_back("seed " + std::to_string(seed + i) + ": " + wrong);
    }
    return lines;
}

}  // namespace switchboard::testing
