// check(): delivers transcripts to a protocol in every way in which a network, a peer and a server may.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>
#include <switchboard/testing/transcript.hpp>
#include <vector>

namespace switchboard::testing {

struct CheckOptions {
    // Most runs of each kind of delivery of one transcript. Where a kind has more, such as two cuts of a long
    // input, as many are taken, evenly spread.
    std::size_t most_runs = 5'000;
    std::size_t random_runs = 64;  // runs with short reads and short writes at random
    std::uint64_t seed = 1;        // of the random runs
    // "put, get: cut at 3" runs this delivery of this transcript only: the begin of a finding. Empty: all.
    std::string only = {};
    ConnectionLimits limits = {};
    // Called before each run, with its text for `only`. A check in a child process keeps it, to say which run
    // ended that process. Of check() and check_layer().
    std::function<void(const std::string& run)> on_run = {};
};

// A transcript and the smallest delivery at which the protocol failed.
struct Finding {
    std::string transcript;  // its name
    std::string delivery;    // "cut at 3"
    std::string problem;     // "reply differs at 8: expected ..., got ..."
    std::uint64_t seed = 1;

    std::string to_string() const;  // one line, with all of these
    std::string replay() const;     // the call of check() that runs this delivery alone
};

struct Report {
    std::vector<Finding> findings;  // at most one for each transcript; empty: the protocol passes
    std::size_t runs = 0;
    std::string to_string() const;  // the findings, each with its replay, and the number of runs
};
std::ostream& operator<<(std::ostream& to, const Report& report);

// Delivers each transcript in these ways, until one fails. They are in order of size, so that the first that
// fails is the smallest.
//
//     whole             as it is written
//     twice             on two connections of one driver: they may share no state by mistake
//     pipelined         all is sent before a reply is awaited; not with wait, reset or shutdown
//     cut at N          a second read begins after N bytes of the input
//     byte by byte
//     FIN after N, RST after N, shutdown after N
//                       the peer, or the server, ends there: the connection must end within ten minutes of
//                       the virtual clock
//     cut at N and M
//     random pieces N   reads and writes are shortened at random
//     slow peer         its buffer holds one byte, and write() returns false if any byte is queued
//     deaf peer         it takes nothing, while the input is repeated: the queue must stay within its limit
//     allocation N fails
//                       the N-th allocation within callbacks throws std::bad_alloc: the connection must
//                       end as after a FIN. It counts allocations from Connection::memory(); with
//                       failing_new.hpp in the program also those of operator new
//     oversize          the last message does not end: max_read_buffer + 1 bytes, then a FIN
//     scan cost         the last message does not end: a byte more may not cost more as it grows
//
// In each of them the protocol must not throw, hang, write after its own close, or queue more than
// max_write_buffer. `factory` must make new state for each Protocol. Threading: one thread. It changes the
// default resource of std::pmr while allocations fail.
Report check(const ProtocolFactory& factory, const std::vector<Transcript>& transcripts,
             const CheckOptions& options = {});

// The same for a layer with a protocol above it. Checks also that the layer calls this protocol in the order
// that protocol.hpp promises.
using LayerFactory = std::function<ProtocolFactory(ProtocolFactory above)>;
Report check_layer(const LayerFactory& layer, const ProtocolFactory& above,
                   const std::vector<Transcript>& transcripts, const CheckOptions& options = {});

}  // namespace switchboard::testing
