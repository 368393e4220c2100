#include "throttle_layer.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace switchboard::detail {

ThrottleShared::ThrottleShared(const ThrottleOptions& options)
    : limits(options.limits),
      in(Rate::of(options.in_per_second, options.burst)),
      out(Rate::of(options.out_per_second, options.burst)),
      limits_all_in(options.all_in_per_second > 0),
      limits_all_out(options.all_out_per_second > 0),
      all_in(Rate::of(options.all_in_per_second, options.burst)),
      all_out(Rate::of(options.all_out_per_second, options.burst)) {}

ThrottleLayer::ThrottleLayer(std::unique_ptr<Protocol> above,
                             std::shared_ptr<ThrottleShared> shared)
    : shared_(std::move(shared)),
      above_(std::move(above), shared_->limits.max_unread),
      in_(shared_->in, shared_->limits_all_in ? &shared_->all_in : nullptr),
      out_(shared_->out, shared_->limits_all_out ? &shared_->all_out : nullptr),
      patience_(shared_->limits.close_timeout) {}

// ---- from below

// Every way in from the driver: what it left to do above is done when it returns.
template <class Callback>
void ThrottleLayer::run(std::string_view name, Callback&& callback) {
    entered_ = true;
    callback();
    drain_above();
    end_above();
    entered_ = false;
    if (!above_.failure().empty()) fail_as_above(name);
    settle();
}

// The driver reports what its own slot caught: so that it knows what was thrown above, it is thrown
// again. Its name of the callback comes before it, and need not be there twice.
void ThrottleLayer::fail_as_above(std::string_view name) const {
    std::string why = above_.failure();
    const std::string prefix = std::string(name) + " threw: ";
    if (why.starts_with(prefix)) why.erase(0, prefix.size());
    throw std::runtime_error(why);
}

void ThrottleLayer::on_open(Connection& below) {
    below_ = &below;
    queue_ = OutputQueue(below.memory());
    run("on_open", [&] { above_.open(*this); });
}

std::size_t ThrottleLayer::on_data(Connection&, MutableBytes in) {
    std::size_t used = 0;
    run("on_data", [&] { used = pass_up(in); });
    // The driver waits for the rest of what was not used up, before it closes: it must know of it.
    return above_.cut_short() ? 0 : used;
}

std::size_t ThrottleLayer::pass_up(MutableBytes in) {
    std::size_t used = 0;
    while (used < in.size() && !above_.held() && !above_.ended()) {
        const std::size_t passes = in_.take(now(), in.size() - used);
        if (passes == 0) break;
        above_.data(*this, in.subspan(used, passes));
        used += passes;
    }
    return used;
}

void ThrottleLayer::on_drain(Connection&) {
    run("on_drain", [&] {
        note_room();
        pump();
    });
}

void ThrottleLayer::on_resume(Connection&) {
    run("on_resume", [&] {
        asked_ = false;
        resume_above();
    });
}

void ThrottleLayer::on_eof(Connection&) {
    run("on_eof", [&] { eof_ = true; });
}

void ThrottleLayer::on_deadline(Connection&) {
    run("on_deadline", [&] {
        armed_ = kNever;
        const auto time = now();
        if (close_at_ <= time) return abort(reason_ ? reason_ : errc::close_timed_out);
        in_.notice(time);
        pump();
        resume_above();
        if (deadline_ > time) return;
        deadline_ = kNever;
        above_.deadline(*this);
    });
}

void ThrottleLayer::on_stop(Connection&) {
    run("on_stop", [&] { above_.stop(*this); });
}

void ThrottleLayer::on_close(std::error_code reason) noexcept {
    end_below();
    above_.close(closing_ && reason_ ? reason_ : reason);
}

// ---- what is called up

void ThrottleLayer::resume_above() {
    if (std::exchange(resumed_, false)) above_.resume(*this);
}

bool ThrottleLayer::is_drained() const noexcept {
    return above_mark_ && !full_ && !file_ && queue_.size() <= shared_->limits.low_water;
}

void ThrottleLayer::drain_above() {
    if (!is_drained()) return;
    above_mark_ = false;
    above_.release(Slot::Hold::backpressure);
    above_.drain(*this);
}

// Who switches protocols instead has it told to the next one.
void ThrottleLayer::end_above() {
    while (eof_ && !resumed_ && !above_.saw_eof() && !above_.held() && !above_.ended())
        above_.eof(*this);
}

// ---- from above

void ThrottleLayer::pause_reading() {
    above_.hold(Slot::Hold::handler);
    settle();
}

void ThrottleLayer::resume_reading() {
    above_.release(Slot::Hold::handler);
    resumed_ = true;
    settle();
}

void ThrottleLayer::set_deadline(Clock::time_point when) {
    if (above_.ended()) return;
    deadline_ = when;
    settle();
}

// Within a callback the slot does the rest when that returns; otherwise it is to be called for it.
void ThrottleLayer::switch_to(std::unique_ptr<Protocol> next) {
    above_.switch_to(*this, std::move(next));
    if (!above_.running()) resumed_ = true;
    settle();
}

// Something waits to be called up, and the driver is not asked to come for it.
bool ThrottleLayer::is_due_above() const noexcept {
    return !above_.ended() && (is_drained() || (resumed_ && !asked_));
}

// Pauses and resumes below for all who may want it: the protocol above, its full queue, the gate.
void ThrottleLayer::settle() {
    if (entered_ || over_) return;
    const bool holds = above_.held() || above_.ended() || in_.opens_at() != kNever;
    if (holds != paused_) {
        paused_ = holds;
        asked_ = !holds;
        holds ? below_->pause_reading() : below_->resume_reading();
    }
    arm();
}

void ThrottleLayer::arm() {
    auto when = std::min({deadline_, in_.opens_at(), out_.opens_at(), close_at_});
    if (is_due_above()) when = std::min(when, now());
    if (when == armed_) return;
    armed_ = when;
    below_->set_deadline(when);
}

}  // namespace switchboard::detail
