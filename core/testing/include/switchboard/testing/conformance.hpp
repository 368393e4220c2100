// The conformance kit: checks that every protocol must pass, for inputs whose replies the test does not know.
// If it knows them, check() in check.hpp checks more.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard::testing {

// The result of one way to deliver the input.
struct Outcome {
    std::string output;           // all bytes that the peer received
    bool closed = false;          // on_close was called before the test ended the connection
    std::error_code reason = {};  // the argument of on_close, if closed
    friend bool operator==(const Outcome&, const Outcome&) = default;
};
std::ostream& operator<<(std::ostream& to, const Outcome& outcome);

// What a check found, one line each; empty if the protocol conforms. A test framework prints the lines of a
// comparison that fails: CHECK(check_deliveries(...) == Findings{}), EXPECT_EQ(check_robustness(...),
// Findings{}).
class Findings : public std::vector<std::string> {
public:
    using std::vector<std::string>::vector;
};
std::ostream& operator<<(std::ostream& to, const Findings& findings);

struct ConformanceOptions {
    bool eof_after_input = true;     // the peer sends FIN after the input
    std::size_t most_splits = 4096;  // a longer input is split at this many evenly spaced places
    std::size_t random_runs = 32;    // runs with short reads, short writes and small windows
    std::uint64_t seed = 1;
    ConnectionLimits limits = {};
};

// Delivers `input` to new protocols: whole, byte by byte, in two parts at every split, and in random pieces
// under backpressure. Returns one line for each delivery whose outcome differs from that of the whole one
// ("split at 17: output ..."), with its seed. An empty list means that the protocol conforms.
Findings check_deliveries(const ProtocolFactory& factory, std::string_view input,
                          const ConformanceOptions& options = {});

// Returns the outcome of delivering `input` whole, to compare it with the expected one.
Outcome deliver(const ProtocolFactory& factory, std::string_view input,
                const ConformanceOptions& options = {});

// Delivers random bytes in random lengths and with random events, in `runs` runs starting from `seed`. The
// protocol must not crash, hang, exceed its limits or write after close. Returns one line for each violation,
// with its seed.
Findings check_robustness(const ProtocolFactory& factory, std::size_t runs, std::uint64_t seed = 1,
                          const ConnectionLimits& limits = {});

}  // namespace switchboard::testing
