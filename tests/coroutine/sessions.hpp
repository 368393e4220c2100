// Sessions and helpers that several tests of coroutines use.
#pragma once

#include <string>
#include <switchboard/coroutine.hpp>
#include <switchboard/testing/memory.hpp>
#include <utility>

namespace switchboard::test {

inline Task<> echo_session(Stream& peer) {
    while (const auto in = co_await peer.read_some()) peer.write(*in);
}

// Counts objects that live. As a local of a session it shows when the session is destroyed.
class Counted {
public:
    explicit Counted(int& live) : live_(live) { ++live_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --live_; }

private:
    int& live_;
};

// "end" and "part" for the two ways in which input ends early, "late" for the deadline, "large" for a message
// over its maximum, and else the message.
inline std::string name_of(std::error_code why) {
    if (why == errc::end_of_input) return "end";
    if (why == errc::incomplete_message) return "part";
    if (why == errc::message_too_large) return "large";
    if (why == std::errc::timed_out) return "late";
    return why.message();
}

inline std::string text_of(const Awaited<MutableBytes>& got) {
    return got ? std::string(as_text(*got)) : "<" + name_of(got.error()) + ">";
}
inline std::string text_of(const Awaited<void>& got) {
    return got ? "ok" : "<" + name_of(got.error()) + ">";
}

}  // namespace switchboard::test
