#include <sys/uio.h>

#include <algorithm>
#include <switchboard/layer.hpp>

#include "protocol_runner_data.hpp"

namespace switchboard {
namespace {

constexpr std::size_t kMostPieces = 16;
constexpr std::size_t kMostBytes = 64 * 1024;  // in one pass: keeps the queue below small

Bytes as_piece(const iovec& piece) noexcept {
    return {static_cast<const std::byte*>(piece.iov_base), piece.iov_len};
}

}  // namespace

const ConnectionLimits& Layer::default_limits() noexcept {
    static const ConnectionLimits limits;
    return limits;
}

Layer::Layer(std::unique_ptr<Protocol> above, const ConnectionLimits& limits) noexcept
    : Transport(std::move(above), limits), limits_(limits) {
    clear(kSmallMarks);
}

// ---- from below

// True if nothing is to be done here or below: what the layer requested from the connection below is
// unchanged.
inline bool Layer::has_nothing_to_do() const noexcept {
    if (has(kAttention | kListed | kPaused) || rare_ || !detail::ProtocolRunnerData::plain(runner_))
        return false;
    return std::min(deadline_, own_deadline_) == armed_ && !holds_input();
}

// Wraps every call from below. Work that the callback left is done when it returns.
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

// If input was discarded, returns 0: the driver must know that input is left, because it then lingers before
// it closes.
std::size_t Layer::on_data(Connection&, MutableBytes in) {
    std::size_t used = 0;
    inside([&] { used = take(in); });
    return runner_.input_discarded() ? 0 : used;
}

void Layer::on_writable(Connection&) {
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

void Layer::on_shutdown(Connection&) {
    inside([&] { is(Phase::connecting) ? set(kStop) : stop(); });
}

// If the handler has closed the connection with a reason, this reason counts, and not that the wire was lost.
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
    runner_.data(*this, in);
    clear(kEntered);
    if (has(kAttention)) settle();
}

void Layer::open_above() {
    enter(Phase::open);
    begin_callback();
    runner_.open(*this);
    end_callback();
    set(kAttention);
    if (has(kStop)) at_end_of_turn(kStop);  // the driver drained before this
}

void Layer::open_above(std::unique_ptr<Protocol> above) {
    runner_ = ProtocolRunner(std::move(above), limits_.max_read_buffer);
    open_above();
}

// ---- from above

bool Layer::pass_on(std::span<const Bytes> pieces) {
    if (!may_write() || has(kQueued)) return Transport::write(pieces);
    return passed_on(send(pieces));
}

bool Layer::pass_on(SharedBytes buffer) {
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
    runner_.hold(ProtocolRunner::Hold::backpressure);
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

// Requests made outside of callbacks. What runs no callback above is done at once. The rest is done when the
// deadline of the connection below expires.
void Layer::asked() {
    if (has(kInside)) return;
    push_out();
    arm_below();
}

void Layer::schedule_end_of_turn() {
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

// Pauses or resumes reading below. The protocol above, its full queue, and the layer can each require a
// pause.
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

// Writing nothing returns whether the connection below takes more after the file.
Transport::Sent Layer::transmit_file(const FileRange& range, std::uint64_t most) {
    FileRange part = range;
    part.length = most;
    below_->send_file(std::move(part));
    return {.bytes = most, .blocked = !note_room(below_->write(std::span<const Bytes>()))};
}

// The layer ends when the connection below calls on_close().
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

// While the connection below is full, the size of its queue shows whether the peer takes bytes.
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
