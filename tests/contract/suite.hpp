// How the cases of the contract suite are written.
#pragma once

#include <doctest/doctest.h>

#include <switchboard/callbacks.hpp>

#include "drivers.hpp"
#include "journal.hpp"

// A case that runs once per driver; its body has `driver`.
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
TYPE_TO_STRING(OnReactor);
TYPE_TO_STRING(ThrottledReactor);
TYPE_TO_STRING(Iterative);
TYPE_TO_STRING(Threads);
TYPE_TO_STRING(ThreadPool);
TYPE_TO_STRING(Processes);
TYPE_TO_STRING(ProcessPool);

// The journal of a case, and the handlers that write to it.
class Story {
public:
    explicit Story(DriverUnderTest& driver) : driver_(driver) {}

    std::shared_ptr<const Journal> journal() const { return journal_; }
    // What happened next; "" if nothing did for ten seconds.
    std::string next();
    // How the next connection to end does so: the line of its on_close, past all before it.
    std::string ending();
    // Nothing more happens: every handler has come to its end. Call after the driver's.
    bool over() { return !journal_->next(0); }

    // Notes every callback. What is set in `does` is called after the note, except on_data, whose
    // answer is needed: without one all is used.
    switchboard::ProtocolFactory handler(switchboard::Callbacks does = {}) const;

private:
    DriverUnderTest& driver_;
    // Shared with the handlers, which a failed case may leave running for a moment.
    std::shared_ptr<Journal> journal_ = std::make_shared<Journal>();
};

inline switchboard::Callbacks echo() {
    using namespace switchboard;
    return {.on_data = [](Connection& c, MutableBytes in) {
        c.write(in);
        return in.size();
    }};
}

// Answers "done" so long after the first bytes, and closes.
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

// The same handlers, but that they read when full: no write blocks then, under any driver.
switchboard::ProtocolFactory reading_on(switchboard::ProtocolFactory factory);

// Runs `action` in each callback that every driver calls, in a connection of its own; the peer sends
// nothing but what brings the callback about. The connection must end with the line `close`, and
// `check` sees its peer then.
void check_everywhere(DriverUnderTest& driver,
                      const std::function<void(switchboard::Connection&)>& action,
                      const std::string& close, const std::function<void(Peer&)>& check,
                      switchboard::Limits limits = {});

// Text in which every byte out of place shows.
std::string pattern(std::size_t size);
