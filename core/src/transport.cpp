// How a connection opens, reads and ends.
#include <switchboard/transport.hpp>

#include <algorithm>

#include "slot_data.hpp"
#include "transport_rare.hpp"

namespace switchboard {

void Transport::DestroyRare::operator()(Rare* rare) const noexcept {
    rare->destroy();
}

Transport::Transport(std::unique_ptr<Protocol> protocol, const Limits& limits) noexcept
    : flags_(limits.high_water < Scratch::kSize ? unsigned{kSmallMarks} : 0),
      slot_(std::move(protocol), limits.max_unread) {}

Transport::~Transport() = default;

Transport::Rare* Transport::make_rare() const {
    return detail::make_in<Rare>(memory());
}

Transport::Rare& Transport::rare() const {
    if (!rare_) rare_.reset(make_rare());
    return *rare_;
}

Connection* Transport::topmost() noexcept {
    if (!slot_.is_open() || is(Phase::closed)) return nullptr;
    Transport* const above = slot_.layer();
    return above != nullptr ? above->topmost() : this;
}

const Slot& Transport::innermost() const noexcept {
    const Transport* const above = slot_.layer();
    return above != nullptr ? above->innermost() : slot_;
}

void Transport::opened() {
    if (!is(Phase::connecting)) return settle();
    enter(Phase::open);
    start_timeouts();
    call([&] { slot_.open(*this); });
    settle();
}

void Transport::received(MutableBytes in) {
    if (is(Phase::lingering)) return;
    // Before the callback, for what the handler may wait for itself; and afterwards, because the time
    // that the handler takes is not the peer's.
    clear(kAwaited);
    note_activity();
    call([&] { slot_.data(*this, in); });
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

// EPIPE is ECONNRESET, seen from the sending side.
void Transport::lost(std::error_code why) {
    if (phase() >= Phase::aborting) return;
    if (why == std::errc::broken_pipe || !why)
        why = {static_cast<int>(std::errc::connection_reset), std::system_category()};
    slot_.end();
    // What the handler closed it for says more.
    if (!is(Phase::closing) || !reason()) set_reason(why);
    enter(Phase::aborting);
    set(kAttention);
}

// ---- what is left to do

void Transport::settle() {
    clear(kAttention | kSpilled);
    if (is(Phase::closed) || is(Phase::connecting)) return;
    // After the last byte, and after on_resume. When protocols were switched, the next one is told as well.
    if (has(kEofSeen) && !slot_.saw_eof() && !slot_.ended() && !slot_.held() && !slot_.has_work() &&
        !has(kResume)) {
        call([&] { slot_.eof(*this); });
        if (!slot_.saw_eof() && !slot_.ended()) at_end_of_turn(0);
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
    if (is(Phase::closing) && has(kQueued)) {  // its time is bounded
        Rare& r = rare();
        if (r.close_at == Rare::kNever) note_progress();
        if (r.close_by == Rare::kNever) r.close_by = in(limits().close_deadline);
        arm(r.close_by);
    }
    if (slot_.held(Slot::Hold::backpressure) && is_drained()) at_end_of_turn(kDrain);
    update_interest();
}

void Transport::flushed() {
    // Nothing can be read or written any more: no event would ever end it.
    const bool over = is(Phase::open) && has(kFin) && slot_.saw_eof();
    const bool ends = is(Phase::closing) || over;
    // close(2) with unread input sends RST (RFC 2525, 2.17), which may overtake and destroy the reply that
    // was just sent; so does input that comes after it, and a peer whose input was not used up is likely to
    // send more. So the input is waited out, at most until close_timeout.
    const bool waits = ends && !has(kEofSeen) && lingers() &&
                       (slot_.cut_short() || slot_.unread() > 0 || input_waiting());
    if ((has(kFin) || waits) && !has(kFinSent)) {
        set(kFinSent);
        transmit_fin();
    }
    if (!ends) return;
    if (!waits) return end(reason(), false);
    enter(Phase::lingering);
    rare().close_at = in(limits().close_timeout);
    arm(rare().close_at);
}

// on_drain comes at the end of the turn and not at once: a peer that reads as fast as the handler writes
// would otherwise keep this connection going and all others waiting. A connection that only has to send what
// others wrote must be cheap: a publisher causes this case for each of its many subscribers.
void Transport::end_of_turn() {
    clear(kListed | kSpilled);
    constexpr unsigned others = kPhase | kAttention | kResume | kDrain | kStop | kBlocked | kFin;
    const bool only_flush = (flags_ & (others | kQueued | kEofSeen)) == (kIsOpen | kQueued);
    if (only_flush && detail::SlotData::plain(slot_)) {
        flush();
        return has(kQueued | kAttention) ? after_flush() : void();
    }
    if (is(Phase::closed)) return;
    if (has(kResume) || slot_.has_work()) {
        clear(kResume);
        call([&] { slot_.resume(*this); });
    }
    if (has(kStop)) {
        clear(kStop);
        tell_stop();
    }
    if (has(kDrain)) {
        clear(kDrain);
        if (is_drained()) {  // others may have written since
            slot_.release(Slot::Hold::backpressure);
            call([&] { slot_.drain(*this); });
        }
    }
    settle();
}

void Transport::closed(std::error_code reason) noexcept {
    enter(Phase::closed);
    drop_output();
    slot_.close(reason);
}

// ---- what the handler asks for

void Transport::request(unsigned flags) {
    set(flags | kAttention);
    if (!entered()) asked();
}

void Transport::at_end_of_turn(unsigned flags) {
    set(flags);
    if (has(kListed) || is(Phase::closed)) return;
    set(kListed);
    attend_later();
}

void Transport::close(std::error_code reason) {
    if (phase() >= Phase::closing) return;
    slot_.end();
    if (reason) set_reason(reason);
    enter(Phase::closing);
    request(0);
}

void Transport::abort(std::error_code reason) {
    if (phase() >= Phase::aborting) return;
    slot_.end();
    set_reason(reason);
    if (Scratch* const s = scratch()) s->used = 0;
    drop_output();
    enter(Phase::aborting);
    request(kReset);
}

void Transport::pause_reading() {
    clear(kResume);
    if (slot_.held(Slot::Hold::handler)) return;
    slot_.hold(Slot::Hold::handler);
    request(0);
}

void Transport::resume_reading() {
    slot_.release(Slot::Hold::handler);
    at_end_of_turn(kResume);
}

void Transport::set_deadline(Clock::time_point when) {
    if (slot_.ended()) return;
    deadline_ = when;
    if (when != Rare::kNever) arm(when);
}

// The next one is not paused, and must hear of an EOF that was.
void Transport::switch_to(std::unique_ptr<Protocol> next) {
    try {
        slot_.switch_to(*this, std::move(next));
    } catch (const std::bad_alloc&) {
        return abort(std::make_error_code(std::errc::not_enough_memory));
    }
    set(kAttention);
    if (!entered()) at_end_of_turn(0);
}

bool Transport::wants_input() const noexcept {
    if (has(kEofSeen)) return false;
    return is(Phase::lingering) || (is(Phase::open) && !slot_.held() && !slot_.ended());
}

void Transport::set_reason(std::error_code reason) noexcept {
    try {
        rare().reason = reason;
    } catch (const std::bad_alloc&) {
        set(kNoReason);
    }
}

std::error_code Transport::reason() const noexcept {
    if (has(kNoReason)) return std::make_error_code(std::errc::not_enough_memory);
    return rare_ ? rare_->reason : std::error_code();
}

// What its handler met with is not this: it was caught in the callback.
void Transport::fail_out_of_memory() noexcept {
    clear(kEntered);
    if (is(Phase::closed)) return;
    end(std::make_error_code(std::errc::not_enough_memory), true);
}

}  // namespace switchboard
