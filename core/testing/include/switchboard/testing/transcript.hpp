// Transcripts: conversations with a protocol, as test data. check.hpp delivers them in many ways.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <system_error>
#include <vector>

namespace switchboard::testing {

// What the peer of a protocol sends, and what it gets, in order. Each member adds a step and returns the
// transcript:
//
//     Transcript("put, get").send("put a b\n").expect("ok\n").send("get a\n").expect("b\n").end().closes()
//
// Equal steps in a row are one, if they are opens(), send() or expect(). A transcript without closes()
// expects that the connection is still open at its end, unless reset() is its last step. A value.
class Transcript {
public:
    enum class Kind : std::uint8_t { opens, send, expect, wait, end, reset, shutdown, closes };
    struct Step {
        Kind kind;
        std::string bytes = {};              // of opens, send and expect
        std::chrono::nanoseconds time = {};  // of wait
        std::error_condition why = {};       // of closes
    };

    // The name stands in findings, and in text after "## ".
    explicit Transcript(std::string name) : name_(std::move(name)) {}

    // A greeting: what the protocol sends before the peer sends anything. First step only. Every delivery
    // waits for it, also one that does not wait for the replies.
    Transcript& opens(std::string bytes);
    Transcript& send(std::string bytes);    // the peer sends
    Transcript& expect(std::string bytes);  // and has got this since the last expect, and no more
    Transcript& wait(std::chrono::nanoseconds time);  // on the driver's clock
    Transcript& end();                                // the peer sends FIN
    Transcript& reset();                              // the peer sends RST
    Transcript& shutdown();                           // the driver drains: on_shutdown
    // The connection has ended, and on_close had this argument; {} means an orderly end. The last step. A
    // condition such as std::errc::timed_out stands for all codes that equal it.
    Transcript& closes(std::error_condition why = {});
    Transcript& closes(errc why) { return closes({static_cast<int>(why), category()}); }

    const std::string& name() const noexcept { return name_; }
    const std::vector<Step>& steps() const noexcept { return steps_; }
    // Returns which step is in the wrong place, or an empty text.
    std::string mistake() const;

private:
    Transcript& add(Step step);

    std::string name_;
    std::vector<Step> steps_;
};

// The text form: one line for each step, as many transcripts as there are lines that begin with "## ".
//
//     # A comment. Empty lines are left out, too.
//     ## put, get
//     > put a b\n
//     < ok\n
//     wait 10s
//     closes timed_out
//
// "> " sends and "< " expects the rest of the line; the line end itself is not part of it. The other steps
// are "opens BYTES", "wait TIME" (as parse_duration()), "end", "reset", "shutdown", and "closes" with or
// without an error, which is a name of switchboard::errc or std::errc. In bytes, \n \r \t \\ are as in C++,
// \xHH is the byte with these two hexadecimal digits, and \{N} stands for N of the byte before it: x\{300}.
// Errors: std::errc::invalid_argument, with `file` and the number of the line.
[[nodiscard]] Result<std::vector<Transcript>> parse_transcripts(std::string_view text,
                                                                const std::string& file);
// The same for a file. Errors: also those of opening and reading it.
[[nodiscard]] Result<std::vector<Transcript>> read_transcripts(const std::string& path);

}  // namespace switchboard::testing
