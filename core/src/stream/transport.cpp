// How a connection opens, reads and ends.
#include <switchboard/driver/transport.hpp>

#include <algorithm>

#include "protocol_runner_data.hpp"
#include "rare_state.hpp"

namespace switchboard {

void Transport::DestroyRareState::operator()(RareState* rare) const noexcept {
    rare->destroy();
}

Transport::Transport(std::unique_ptr<Protocol> protocol, const ConnectionLimits& limits) noexcept
    : flags_(limits.high_water < CorkBuffer::kSize ? unsigned{kSmallMarks} : 0),
      runner_(std::move(protocol), limits.max_read_buffer) {}

Transport::~Transport() = default;

Transport::RareState* Transport::make_rare_state() const {
    return detail::make_in<RareState>(memory());
}

Transport::RareState& Transport::rare_state() const {
    if (!rare_) rare_.reset(make_rare_state());
    return *rare_;
}

Connection* Transport::topmost() noexcept {
    if (!runner_.is_open() || is(Phase::closed)) return nullptr;
    Transport* const above = runner_.layer();
    return above != nullptr ? above->topmost() : this;
}

const ProtocolRunner& Transport::innermost() const noexcept {
    const Transport* const above = runner_.layer();
    return above != nullptr ? above->innermost() : runner_;
}

void Transport::opened() {
    if (!is(Phase::connecting)) return settle();
    enter(Phase::open);
    start_timeouts();
    call([&] { runner_.open(*this); });
    settle();
}

void Transport::received(MutableBytes in) {
    if (is(Phase::lingering)) return;
    // Noted before the callback, because the handler may itself wait in it, and again afterwards, because
    // the time that the handler takes must not count against the peer.
    clear(kAwaited);
    note_activity();
    call([&] { runner_.data(*this, in); });
    after_read();
}

void Transport::after_read() {
    clear(kSpilled | kAwaited);
    note_activity();
    if (has(kAttention)) settle();
}

void Transport::received_eof() {
    set(kEofSeen);
    if (is(Phase::lingering)) return end(reason(), false);
    settle();
}

void Transport::writable() {
    clear(kBlocked);
    settle();
}

// EPIPE is the same event as ECONNRESET, seen by a sender.
void Transport::lost(std::error_code why) {
    if (phase() >= Phase::aborting) return;
    if (why == std::errc::broken_pipe || !why)
        why = {static_cast<int>(std::errc::connection_reset), std::system_category()};
    runner_.end();
    // The reason that the handler closed with takes precedence.
    if (!is(Phase::closing) || !reason()) set_reason(why);
    enter(Phase::aborting);
    set(kAttention);
}

// ---- work that is left to do

void Transport::settle() {
    clear(kAttention | kSpilled);
    if (is(Phase::closed) || is(Phase::connecting)) return;
    // on_eof comes after the last byte and after on_resume. After a switch the next protocol gets it, too.
    if (has(kEofSeen) && !runner_.saw_eof() && !runner_.ended() && !runner_.held() &&
        !runner_.has_work() && !has(kResume)) {
        call([&] { runner_.eof(*this); });
        if (!runner_.saw_eof() && !runner_.ended()) at_end_of_turn(0);
    }
    push_out();
}

void Transport::push_out() {
    if (has(kQueued) && !has(kBlocked)) flush();
    after_flush();
}

void Transport::after_flush() {
    if (is(Phase::aborting)) return end(reason(), has(kReset));
    if (!has(kQueued)) flushed();
    if (is(Phase::closed)) return;
    if (is(Phase::closing) && has(kQueued)) {  // starts the timers of the close
        RareState& r = rare_state();
        if (r.close_at == RareState::kNever) note_progress();
        if (r.close_by == RareState::kNever) r.close_by = in(limits().close_deadline);
        arm(r.close_by);
    }
    if (runner_.held(ProtocolRunner::Hold::backpressure) && is_drained()) at_end_of_turn(kDrain);
    update_interest();
}

void Transport::flushed() {
    // If both directions are shut, no further event would ever end the connection.
    const bool over = is(Phase::open) && has(kFin) && runner_.saw_eof();
    const bool ends = is(Phase::closing) || over;
    // close(2) with unread input sends RST (RFC 2525, 2.17), which may overtake and destroy the reply that
    // was just sent. Input that comes after close(2) does the same, and a peer whose input was not all used
    // is likely to send more. So the transport lingers until the peer's FIN, at most for close_timeout.
    const bool waits = ends && !has(kEofSeen) && lingers() &&
                       (runner_.input_discarded() || runner_.unread() > 0 || input_waiting());
    if ((has(kFin) || waits) && !has(kFinSent)) {
        set(kFinSent);
        transmit_fin();
    }
    if (!ends) return;
    if (!waits) return end(reason(), false);
    enter(Phase::lingering);
    rare_state().close_at = in(limits().close_timeout);
    arm(rare_state().close_at);
}

// on_writable comes at the end of the turn and not at once. Otherwise a peer that reads as fast as the
// handler writes would keep this connection busy and all others waiting. A connection that only has to send
// what other connections wrote must be cheap: a publisher causes this case for each of its many subscribers.
void Transport::end_of_turn() {
    clear(kListed | kSpilled);
    constexpr unsigned others = kPhase | kAttention | kResume | kDrain | kStop | kBlocked | kFin;
    const bool only_flush = (flags_ & (others | kQueued | kEofSeen)) == (kIsOpen | kQueued);
    if (only_flush && detail::ProtocolRunnerData::plain(runner_)) {
        flush();
        return has(kQueued | kAttention) ? after_flush() : void();
    }
    if (is(Phase::closed)) return;
    if (has(kResume) || runner_.has_work()) {
        clear(kResume);
        call([&] { runner_.resume(*this); });
    }
    if (has(kStop)) {
        clear(kStop);
        tell_stop();
    }
    if (has(kDrain)) {
        clear(kDrain);
        if (is_drained()) {  // others may have written since
            runner_.release(ProtocolRunner::Hold::backpressure);
            call([&] { runner_.drain(*this); });
        }
    }
    settle();
}

void Transport::closed(std::error_code reason) noexcept {
    enter(Phase::closed);
    drop_output();
    runner_.close(reason);
}

// ---- requests of the handler

void Transport::request(unsigned flags) {
    set(flags | kAttention);
    if (!entered()) asked();
}

void Transport::at_end_of_turn(unsigned flags) {
    set(flags);
    if (has(kListed) || is(Phase::closed)) return;
    set(kListed);
    schedule_end_of_turn();
}

void Transport::close(std::error_code reason) {
    if (phase() >= Phase::closing) return;
    runner_.end();
    if (reason) set_reason(reason);
    enter(Phase::closing);
    request(0);
}

void Transport::abort(std::error_code reason) {
    if (phase() >= Phase::aborting) return;
    runner_.end();
    set_reason(reason);
    if (CorkBuffer* const s = cork_buffer()) s->used = 0;
    drop_output();
    enter(Phase::aborting);
    request(kReset);
}

void Transport::pause_reading() {
    clear(kResume);
    if (runner_.held(ProtocolRunner::Hold::handler)) return;
    runner_.hold(ProtocolRunner::Hold::handler);
    request(0);
}

void Transport::resume_reading() {
    runner_.release(ProtocolRunner::Hold::handler);
    at_end_of_turn(kResume);
}

void Transport::set_deadline(Clock::time_point when) {
    if (runner_.ended()) return;
    deadline_ = when;
    if (when != RareState::kNever) arm(when);
}

// Reading is not paused for the next protocol, and it must get on_eof if the EOF has already come.
void Transport::switch_to(std::unique_ptr<Protocol> next) {
    try {
        runner_.switch_to(*this, std::move(next));
    } catch (const std::bad_alloc&) {
        return abort(std::make_error_code(std::errc::not_enough_memory));
    }
    set(kAttention);
    if (!entered()) at_end_of_turn(0);
}

bool Transport::wants_input() const noexcept {
    if (has(kEofSeen)) return false;
    return is(Phase::lingering) || (is(Phase::open) && !runner_.held() && !runner_.ended());
}

void Transport::set_reason(std::error_code reason) noexcept {
    try {
        rare_state().reason = reason;
    } catch (const std::bad_alloc&) {
        set(kNoReason);
    }
}

std::error_code Transport::reason() const noexcept {
    if (has(kNoReason)) return std::make_error_code(std::errc::not_enough_memory);
    return rare_ ? rare_->reason : std::error_code();
}

// Out of memory outside of callbacks. In a callback the exception is caught there.
void Transport::fail_out_of_memory() noexcept {
    clear(kEntered);
    if (is(Phase::closed)) return;
    end(std::make_error_code(std::errc::not_enough_memory), true);
}

}  // namespace switchboard
