#include "conversation.hpp"

#include <algorithm>

#include "text.hpp"
#include "violation.hpp"

namespace switchboard::testing {
namespace {

using Step = Transcript::Kind;

// The limits of a slow peer: write() returns false as long as a byte is queued.
ConnectionLimits limits_for(const Delivery& delivery, ConnectionLimits limits) {
    if (delivery.kind == Delivery::Kind::slow_peer) {
        limits.high_water = 1;
        limits.low_water = 0;
    }
    return limits;
}

std::string closed_with(std::error_code why) {
    return why ? "closed with " + name_of(why) : "closed without an error";
}

}  // namespace

Conversation::Conversation(MemoryDriver& driver, const ProtocolFactory& factory,
                           const Transcript& transcript, const Delivery& delivery,
                           const ConnectionLimits& limits)
    : driver_(driver),
      delivery_(delivery),
      peer_(driver.connect(factory, limits_for(delivery, limits))) {
    std::size_t most =
        64 * 1024;  // more than is expected, so that more is seen, but not without end
    for (const Transcript::Step& step : transcript.steps()) most += step.bytes.size();
    peer_.set_window(is(Kind::slow_peer) ? 1 : is(Kind::deaf_peer) ? 0 : most);
    at_end_ = delivery_.ends_early() && delivery_.first == 0;
}

void Conversation::settle() {
    driver_.run(kMostTurns);
    if (!is(Kind::slow_peer)) return;
    while (!peer_.received().empty()) {
        taken_ += peer_.take_received();
        driver_.run(kMostTurns);
    }
}

bool Conversation::compares() const {
    return !delivery_.ends_early() && !is(Kind::allocation) && !is(Kind::deaf_peer);
}

void Conversation::play(const Transcript::Step& step) {
    switch (step.kind) {
        case Step::opens: expected_ += step.bytes; return compare();
        case Step::expect: expected_ += step.bytes; return is(Kind::pipelined) ? void() : compare();
        case Step::send: return send(step.bytes);
        case Step::end: peer_.shutdown_write(); break;
        case Step::reset:
            may_end_ = true;
            peer_.reset();
            break;
        case Step::closes: return closes(step.why);
        case Step::wait:
        case Step::shutdown: return;  // of the driver
    }
    if (!is(Kind::pipelined)) settle();
}

// Sends up to the early end, and cuts where the delivery says.
void Conversation::send(std::string_view bytes) {
    if (delivery_.ends_early()) {
        bytes = bytes.substr(0, delivery_.first - sent_);
        at_end_ = sent_ + bytes.size() == delivery_.first;
    }
    if (is(Kind::bytewise)) {
        for (std::size_t i = 0; i < bytes.size(); ++i) push(bytes.substr(i, 1));
        return;
    }
    for (const std::size_t cut : {delivery_.first, delivery_.second}) {
        if (!delivery_.is_one_of({Kind::cut, Kind::two_cuts})) break;
        if (cut <= sent_ || cut >= sent_ + bytes.size()) continue;
        const std::size_t part = cut - sent_;
        push(bytes.substr(0, part));
        bytes.remove_prefix(part);
    }
    push(bytes);
}

void Conversation::push(std::string_view bytes) {
    peer_.send(bytes);
    sent_ += bytes.size();
    if (!is(Kind::pipelined)) settle();
}

void Conversation::compare() {
    if (!problem_.empty()) return;
    settle();
    if (!compares()) return;
    std::string differs = difference(expected_, is(Kind::slow_peer) ? taken_ : peer_.received());
    if (!differs.empty() && peer_.closed()) differs += ", " + closed_with(peer_.close_reason());
    if (!differs.empty()) set_problem(std::move(differs));
}

// Of two problems, a broken rule explains the other.
void Conversation::set_problem(std::string problem) {
    std::string violation = violation_of(peer_);
    problem_ = violation.empty() ? std::move(problem) : std::move(violation);
}

void Conversation::closes(const std::error_condition& why) {
    compare();
    may_end_ = true;
    if (!problem_.empty() || !compares()) return;
    if (!peer_.closed()) return set_problem("still open, although the transcript expects a close");
    const std::error_code reason = peer_.close_reason();
    if (why ? reason == why : !reason) return;
    set_problem(closed_with(reason) + ", expected " + (why ? name_of(why) : "no error"));
}

void Conversation::finish() {
    compare();
    check_rules();
    if (!problem_.empty() || !compares() || may_end_ || !peer_.closed()) return;
    set_problem(closed_with(peer_.close_reason()) + ", which the transcript does not expect");
}

void Conversation::check_rules() {
    if (problem_.empty()) problem_ = violation_of(peer_);
    // A callback may fail if an allocation in it does.
    const bool allowed =
        is(Kind::allocation) && problem_.find("std::bad_alloc") != std::string::npos;
    if (allowed) problem_.clear();
}

void Conversation::must_end() {
    settle();
    for (int minute = 0; minute < 10 && !peer_.closed(); ++minute) {
        driver_.advance(std::chrono::minutes(1));
        settle();
    }
    check_rules();
    if (problem_.empty() && !peer_.closed())
        problem_ = "still open ten minutes after the peer had gone";
}

}  // namespace switchboard::testing
