#include <sys/uio.h>

#include <algorithm>
#include <switchboard/layer.hpp>

#include "slot_data.hpp"

namespace switchboard {
namespace {

constexpr std::size_t kMostPieces = 16;
constexpr std::size_t kMostBytes = 64 * 1024;  // of one pass: what waits below stays small

Bytes as_piece(const iovec& piece) noexcept {
    return {static_cast<const std::byte*>(piece.iov_base), piece.iov_len};
}

}  // namespace

const Limits& Layer::default_limits() noexcept {
    static const Limits limits;
    return limits;
}

Layer::Layer(std::unique_ptr<Protocol> above, const Limits& limits) noexcept
    : Transport(std::move(above), limits), limits_(limits) {
    clear(kSmallMarks);
}

// ---- from below

// Nor has the connection below: what is asked of it is as it was.
inline bool Layer::has_nothing_to_do() const noexcept {
    if (has(kAttention | kListed | kPaused) || rare_ || !detail::SlotData::plain(slot_))
        return false;
    return std::min(deadline_, own_deadline_) == armed_ && !holds_input();
}

// Every way in from below: what it left to do is done when it returns.
template <class Callback>
void Layer::inside(Callback&& callback) {
    set(kInside);
    callback();
    if (has_nothing_to_do()) [[likely]]
        return clear(kInside);
    if (has(kAttention)) settle();
    if (has(kListed)) end_of_turn();
    update_interest();
    clear(kInside);
    arm_below();
}

void Layer::on_open(Connection& below) {
    below_ = &below;
    inside([&] { below_opened(); });
}

// The driver waits for the rest of what was not used up, before it closes: it must know of it.
std::size_t Layer::on_data(Connection&, MutableBytes in) {
    std::size_t used = 0;
    inside([&] { used = take(in); });
    return slot_.cut_short() ? 0 : used;
}

void Layer::on_drain(Connection&) {
    inside([&] { writable(); });
}

void Layer::on_resume(Connection&) {
    inside([] {});
}

void Layer::on_eof(Connection&) {
    inside([&] { take_eof(); });
}

void Layer::on_deadline(Connection&) {
    armed_ = Clock::time_point::max();
    inside([&] {
        if (own_deadline_ <= now()) {
            own_deadline_ = Clock::time_point::max();
            own_deadline_expired();
        }
        expired(now());
    });
}

void Layer::on_stop(Connection&) {
    inside([&] { is(Phase::connecting) ? set(kStop) : stop(); });
}

// What the handler closed it for says more than that the wire was lost meanwhile.
void Layer::on_close(std::error_code reason) noexcept {
    const bool flushing = is(Phase::closing) && !has(kClosedBelow);
    if (flushing && this->reason()) reason = this->reason();
    set(kClosedBelow | kAbortedBelow);
    below_closed(reason);
    closed(reason);
}

std::size_t Layer::take(MutableBytes in) {
    give(in);
    return in.size();
}

// Like received(), but shorter: a layer has no time-outs of its own and never lingers.
void Layer::give(MutableBytes in) {
    set(kEntered);
    slot_.data(*this, in);
    clear(kEntered);
    if (has(kAttention)) settle();
}

void Layer::open_above() {
    enter(Phase::open);
    begin_callback();
    slot_.open(*this);
    end_callback();
    set(kAttention);
    if (has(kStop)) at_end_of_turn(kStop);  // the driver told it before
}

void Layer::open_above(std::unique_ptr<Protocol> above) {
    slot_ = Slot(std::move(above), limits_.max_unread);
    open_above();
}

// ---- from above

bool Layer::pass_on(std::span<const Bytes> pieces) {
    if (!may_write() || has(kQueued)) return Transport::write(pieces);
    return passed_on(send(pieces));
}

bool Layer::pass_on(Shared buffer) {
    if (!may_write() || has(kQueued)) return Transport::write_shared(std::move(buffer));
    return passed_on(below_->write_shared(std::move(buffer)));
}

void Layer::pass_on(FileRange range) {
    if (!may_write() || has(kQueued)) return Transport::send_file(std::move(range));
    below_->send_file(std::move(range));
    passed_on(below_->write(std::span<const Bytes>()));
}

bool Layer::passed_on(bool more) {
    if (more) [[likely]]
        return true;
    note_room(false);
    set(kBlocked);
    slot_.hold(Slot::Hold::backpressure);
    request(0);
    return false;
}

void Layer::abort(std::error_code reason) {
    Transport::abort(reason);
    if (is(Phase::aborting) && below_ != nullptr) end(reason, true);
}

void Layer::set_deadline(Clock::time_point when) {
    Transport::set_deadline(when);
    if (!has(kInside)) arm_below();
}

void Layer::set_own_deadline(Clock::time_point when) noexcept {
    own_deadline_ = when;
    if (!has(kInside)) arm_below();
}

// Asked for outside of callbacks: what runs none above is done at once, and for the rest the connection below
// comes back.
void Layer::asked() {
    if (has(kInside)) return;
    push_out();
    arm_below();
}

void Layer::attend_later() {
    if (!has(kInside)) arm_below();
}

void Layer::arm(Clock::time_point) {
    if (!has(kInside)) arm_below();
}

void Layer::arm_below() {
    if (has(kClosedBelow | kAbortedBelow)) return;
    auto when = std::min(next_timeout(), own_deadline_);
    if (has(kListed)) when = std::min(when, now());
    if (when == armed_) return;
    armed_ = when;
    below_->set_deadline(when);
}

// Pauses and resumes below for all who may want it: the protocol above, its full queue, the layer.
void Layer::update_interest() {
    if (has(kClosedBelow | kAbortedBelow)) return;
    const bool waits_for_open = is(Phase::connecting);
    const bool holds = holds_input() || (!waits_for_open && !takes_input());
    if (holds == has(kPaused)) return;
    if (holds) {
        set(kPaused);
        below_->pause_reading();
    } else {
        clear(kPaused);
        below_->resume_reading();
    }
}

// ---- on the way down

Transport::Sent Layer::transmit(const iovec* pieces, std::size_t count) {
    std::array<Bytes, kMostPieces> passed;
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
        passed[i] = as_piece(pieces[i]);
        size += pieces[i].iov_len;
    }
    return {.bytes = size,
            .blocked = !note_room(send(std::span<const Bytes>(passed).first(count)))};
}

// Whether the connection below has a file to send says the answer to a write of nothing.
Transport::Sent Layer::transmit_file(const FileRange& range, std::uint64_t most) {
    FileRange part = range;
    part.length = most;
    below_->send_file(std::move(part));
    return {.bytes = most, .blocked = !note_room(below_->write(std::span<const Bytes>()))};
}

// The end comes from below: on_close().
void Layer::end(std::error_code reason, bool reset) {
    if (has(kAbortedBelow)) return;
    drop_output();
    if (reset) {
        set(kAbortedBelow);
        return below_->abort(reason);
    }
    if (has(kClosedBelow)) return;
    set(kClosedBelow);
    farewell();
    below_->close(reason);
}

// While what is below is full, how much waits there tells whether the peer takes something.
bool Layer::note_room(bool more) noexcept {
    if (!more) below_queued_ = below_->queued();
    return more;
}

void Layer::ask() {
    const std::size_t waits = below_->queued();
    if (waits < below_queued_ || waits == 0) note_progress();
    below_queued_ = waits;
}

Transport::Sent QueuedLayer::transmit(const iovec* pieces, std::size_t count) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
    std::size_t left = allowance(std::min(size, kMostBytes));
    if (left == 0) return {};
    std::array<iovec, kMostPieces> part;
    std::size_t used = 0;
    for (; left > 0; ++used) {
        part[used] = {pieces[used].iov_base, std::min(left, pieces[used].iov_len)};
        left -= part[used].iov_len;
    }
    return Layer::transmit(part.data(), used);
}

Transport::Sent QueuedLayer::transmit_file(const FileRange& range, std::uint64_t most) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(most, SIZE_MAX));
    const std::size_t part = allowance(size);
    return part > 0 ? Layer::transmit_file(range, part) : Sent{};
}

}  // namespace switchboard
