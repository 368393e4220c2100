#include <algorithm>
#include <optional>
#include <ostream>
#include <random>
#include <stdexcept>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

#include "text.hpp"
#include "violation.hpp"

namespace switchboard::testing {
namespace {

// The most that a peer takes, so that a protocol that never stops writing does not use up the memory.
constexpr std::size_t kMostOutput = 16 * 1024 * 1024;

std::string short_quote(std::string_view text) {
    return quoted(text, 24);
}

// An outcome, and what else is checked: the reset and violations.
struct Run {
    Outcome outcome;
    bool reset = false;
    std::string violation;
};

// Runs a driver with one peer, which makes the delivery `play`. `play` may end early because run() throws.
template <class Play>
Run run_delivery(const ProtocolFactory& factory, const ConformanceOptions& options,
                 const NetworkFaults& faults, Play play) {
    MemoryDriver driver(faults);
    MemoryPeer& peer = driver.connect(factory, options.limits);
    peer.set_window(kMostOutput);
    Run run;
    try {
        play(driver, peer);
        if (options.eof_after_input) peer.shutdown_write();
        driver.run();
    } catch (const std::runtime_error& e) {
        run.violation = e.what();
    }
    if (run.violation.empty()) run.violation = violation_of(peer);
    run.outcome = {peer.received(), peer.closed(), peer.close_reason()};
    run.reset = peer.saw_reset();
    return run;
}

Run run_whole(const ProtocolFactory& factory, std::string_view input,
              const ConformanceOptions& options) {
    return run_delivery(factory, options, {},
                        [&](MemoryDriver&, MemoryPeer& peer) { peer.send(input); });
}

Run run_bytewise(const ProtocolFactory& factory, std::string_view input,
                 const ConformanceOptions& options) {
    return run_delivery(factory, options, {}, [&](MemoryDriver& driver, MemoryPeer& peer) {
        for (std::size_t i = 0; i < input.size(); ++i) {
            peer.send(input.substr(i, 1));
            driver.run();
        }
    });
}

Run run_split(const ProtocolFactory& factory, std::string_view input, std::size_t at,
              const ConformanceOptions& options) {
    return run_delivery(factory, options, {}, [&](MemoryDriver& driver, MemoryPeer& peer) {
        peer.send(input.substr(0, at));
        driver.run();
        peer.send(input.substr(at));
    });
}

// Random pieces, with short reads, short writes and a peer that takes a little at a time.
Run run_random(const ProtocolFactory& factory, std::string_view input, std::uint64_t seed,
               const ConformanceOptions& options) {
    const NetworkFaults faults{.seed = seed, .short_reads = true, .short_writes = true};
    return run_delivery(factory, options, faults, [&](MemoryDriver& driver, MemoryPeer& peer) {
        std::mt19937_64 random(seed);
        const std::size_t largest = std::size_t{1} << (random() % 12);
        while (!input.empty()) {
            const std::size_t size = std::min<std::size_t>(input.size(), 1 + random() % largest);
            peer.send(input.substr(0, size));
            input.remove_prefix(size);
            peer.set_window(peer.received().size() + random() % (2 * largest));
            for (std::uint64_t turns = random() % 4; turns > 0; --turns) driver.turn();
        }
        peer.set_window(kMostOutput);
    });
}

std::string ending(const Outcome& outcome) {
    if (!outcome.closed) return "still open";
    return "closed (" + (outcome.reason ? outcome.reason.message() : "orderly") + ")";
}

// Returns how the outputs differ, if they do. An abort drops the queue, whose size depends on the delivery.
// If both were reset, the shorter output only has to be the beginning of the longer one.
std::optional<std::string> output_difference(const Run& run, const Run& whole) {
    const std::string &got = run.outcome.output, &expected = whole.outcome.output;
    const std::size_t common = std::min(got.size(), expected.size());
    const auto first = static_cast<std::size_t>(
        std::mismatch(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(common),
                      expected.begin())
            .first -
        got.begin());
    const bool both_reset = run.reset && whole.reset;
    if (first == common && (got.size() == expected.size() || both_reset)) return std::nullopt;
    return "output of " + std::to_string(got.size()) + " bytes, whole " +
           std::to_string(expected.size()) + ", differs at " + std::to_string(first) + ": " +
           short_quote(std::string_view(got).substr(first)) + ", whole " +
           short_quote(std::string_view(expected).substr(first));
}

// Adds a line if `run` violates a rule or differs from `whole`.
void compare(Findings& lines, const std::string& name, const Run& run, const Run& whole) {
    if (!run.violation.empty()) {
        lines.push_back(name + ": " + run.violation);
    } else if (const auto difference = output_difference(run, whole)) {
        lines.push_back(name + ": " + *difference);
    } else if (ending(run.outcome) != ending(whole.outcome)) {
        lines.push_back(name + ": " + ending(run.outcome) + ", whole " + ending(whole.outcome));
    }
}

}  // namespace

Outcome deliver(const ProtocolFactory& factory, std::string_view input,
                const ConformanceOptions& options) {
    return run_whole(factory, input, options).outcome;
}

std::ostream& operator<<(std::ostream& to, const Outcome& outcome) {
    return to << ending(outcome) << ", output " << short_quote(outcome.output) << " of "
              << outcome.output.size() << " bytes";
}

std::ostream& operator<<(std::ostream& to, const Findings& findings) {
    if (findings.empty()) return to << "no findings";
    for (const std::string& line : findings) to << "\n  " << line;
    return to;
}

Findings check_deliveries(const ProtocolFactory& factory, std::string_view input,
                          const ConformanceOptions& options) {
    Findings lines;
    const Run whole = run_whole(factory, input, options);
    compare(lines, "whole", whole, whole);
    compare(lines, "byte by byte", run_bytewise(factory, input, options), whole);
    const std::size_t places = input.empty() ? 0 : input.size() - 1;
    const std::size_t splits = std::min(places, options.most_splits);
    for (std::size_t i = 0; i < splits; ++i) {
        const std::size_t at = 1 + i * places / splits;
        compare(lines, "split at " + std::to_string(at), run_split(factory, input, at, options),
                whole);
    }
    for (std::uint64_t i = 0; i < options.random_runs; ++i) {
        const std::uint64_t seed = options.seed + i;
        compare(lines, "random pieces (seed " + std::to_string(seed) + ")",
                run_random(factory, input, seed, options), whole);
    }
    return lines;
}

}  // namespace switchboard::testing
