// One connection of a trial: plays the peer's part, and compares what it gets.
#pragma once

#include <string>
#include <switchboard/testing/memory.hpp>

#include "delivery.hpp"

namespace switchboard::testing {

constexpr std::size_t kMostTurns = 100'000;  // until a protocol counts as hung

class Conversation {
public:
    Conversation(MemoryDriver& driver, const ProtocolFactory& factory, const Transcript& transcript,
                 const Delivery& delivery, const ConnectionLimits& limits);

    // The steps that concern one connection, until it is over().
    void play(const Transcript::Step& step);
    // After the last step: all that came must be expected, and the connection is open unless it may end.
    void finish();
    // Something is wrong, or the input is at its early end.
    bool over() const { return !problem_.empty() || at_end_; }
    // The peer, or the driver, ends the connection now: it must end within ten minutes.
    void must_end();
    const std::string& problem() const { return problem_; }
    MemoryPeer& peer() { return peer_; }
    // Runs the driver and takes what came.
    void settle();

private:
    using Kind = Delivery::Kind;

    bool is(Kind kind) const { return delivery_.kind == kind; }
    bool compares() const;
    void send(std::string_view bytes);
    void push(std::string_view bytes);
    void compare();
    void closes(const std::error_condition& why);
    void set_problem(std::string problem);
    std::string close_text() const;
    void check_rules();

    MemoryDriver& driver_;
    const Delivery& delivery_;
    MemoryPeer& peer_;
    std::string taken_;  // of a slow peer
    std::string expected_;
    std::string problem_;
    std::size_t sent_ = 0;
    bool at_end_ = false;
    bool may_end_ = false;  // the transcript has a close or a reset
};

}  // namespace switchboard::testing
