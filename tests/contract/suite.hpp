// The macro and the helpers for cases of the contract suite.
#pragma once

#include <doctest/doctest.h>

#include <switchboard/callbacks.hpp>

#include "drivers.hpp"
#include "journal.hpp"

// Defines a case that runs once per driver. Its body has `driver`.
#define CONTRACT(name) CONTRACT_NAMED(name, DOCTEST_ANONYMOUS(contract_case_))
#define CONTRACT_NAMED(name, function)             \
    static void function(DriverUnderTest& driver); \
    TEST_CASE_TEMPLATE(name, D, EVERY_DRIVER) {    \
        D driver;                                  \
        function(driver);                          \
    }                                              \
    static void function(DriverUnderTest& driver)

TYPE_TO_STRING(Memory);
TYPE_TO_STRING(ThrottledMemory);
TYPE_TO_STRING(EncryptedMemory);
TYPE_TO_STRING(OnReactor);
TYPE_TO_STRING(ThrottledReactor);
TYPE_TO_STRING(EncryptedReactor);
TYPE_TO_STRING(Iterative);
TYPE_TO_STRING(Threads);
TYPE_TO_STRING(EncryptedThreads);
TYPE_TO_STRING(ThreadPool);
TYPE_TO_STRING(Processes);
TYPE_TO_STRING(ProcessPool);

// The journal of a case, and handlers that write to it.
class Story {
public:
    explicit Story(DriverUnderTest& driver) : driver_(driver) {}

    std::shared_ptr<const Journal> journal() const { return journal_; }
    // Returns the next note, or "" if there is none within ten seconds.
    std::string next();
    // Skips all notes up to the next on_close, and returns its line.
    std::string ending();
    // Returns whether there are no more notes. Call it after the driver has ended, when every handler is
    // destroyed.
    bool over() { return !journal_->next(0); }

    // Notes every callback except on_writable, then calls what is set in `does`. A callback that is not set
    // has a default: on_data consumes everything, on_eof closes, on_deadline aborts with timed_out.
    // on_shutdown is noted only if it is set.
    switchboard::ProtocolFactory handler(switchboard::Callbacks does = {}) const;

private:
    DriverUnderTest& driver_;
    // Shared with the handlers, which may run a little longer than a case that failed.
    std::shared_ptr<Journal> journal_ = std::make_shared<Journal>();
};

inline constexpr std::size_t kMuch = 8 * 1024 * 1024;  // more than the buffers up to the peer hold

inline switchboard::Callbacks echo() {
    using namespace switchboard;
    return {.on_data = [](Connection& c, MutableBytes in) {
        c.write(in);
        return in.size();
    }};
}

// Answers "done" after that delay from the first bytes, and closes.
inline switchboard::Callbacks late_reply(std::chrono::milliseconds later) {
    using namespace switchboard;
    return {.on_data =
                [later](Connection& c, MutableBytes in) {
                    c.set_deadline(c.now() + later);
                    return in.size();
                },
            .on_deadline =
                [](Connection& c) {
                    c.write("done");
                    c.close();
                }};
}

// The same handlers, but they also read while the output queue is full. No write blocks then, on any
// driver.
switchboard::ProtocolFactory reading_on(switchboard::ProtocolFactory factory);

// Runs `action` in each callback that every driver calls, each in a separate connection. The peer sends
// only what causes that callback. The connection must end with the line `close`; then `check` examines its
// peer.
void check_everywhere(DriverUnderTest& driver,
                      const std::function<void(switchboard::Connection&)>& action,
                      const std::string& close, const std::function<void(Peer&)>& check,
                      switchboard::Limits limits = {});

// Text in which a misplaced byte shows.
std::string pattern(std::size_t size);
