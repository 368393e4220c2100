// What the protocol above writes: passed on at the rate, in its order.
#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "throttle_layer.hpp"

namespace switchboard::detail {
namespace {

constexpr std::size_t kPieces = 16;            // of one write
constexpr std::size_t kMostBytes = 64 * 1024;  // of one write: what the driver holds stays small

}  // namespace

// ---- from above

bool ThrottleLayer::write(std::span<const Bytes> pieces) {
    if (!accepts()) return false;
    if (!out_.limits()) return passed_on(below_->write(pieces));
    for (const Bytes piece : pieces) {
        if (!enqueue(piece)) return false;
    }
    return queued_more();
}

bool ThrottleLayer::write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) {
    if (!accepts()) return false;
    if (!out_.limits()) return passed_on(below_->write_shared(std::move(buffer)));
    return enqueue(std::move(buffer)) && queued_more();
}

void ThrottleLayer::send_file(FileRange range) {
    if (!accepts() || range.length == 0) return;
    if (!out_.limits()) {
        pass_file_down(range);
        passed_on(!full_);
    } else if (enqueue(std::move(range))) {
        file_ = true;
        queued_more();
    }
}

void ThrottleLayer::shutdown_write() {
    if (!accepts()) return;
    fin_ = true;
    finish_output();
}

void ThrottleLayer::close(std::error_code reason) {
    if (above_.ended()) return;
    above_.end();
    deadline_ = kNever;
    closing_ = true;
    reason_ = reason;
    if (full_) note_full();
    finish_output();
    settle();
}

void ThrottleLayer::abort(std::error_code reason) {
    above_.end();
    closing_ = false;  // what it was closed for does not count any more
    end_below();
    below_->abort(reason);
}

// ---- the queue

// What there is no memory for costs the connection: the peer must not see a gap.
template <class Output>
bool ThrottleLayer::enqueue(Output&& output) noexcept {
    try {
        queue_.append(std::forward<Output>(output));
        return true;
    } catch (const std::bad_alloc&) {
        abort(std::make_error_code(std::errc::not_enough_memory));
        return false;
    }
}

// The marks, after every growth of the queue.
bool ThrottleLayer::queued_more() {
    pump();
    if (queue_.size() > shared_->limits.max_queued) {
        abort(errc::write_queue_full);
        return false;
    }
    if (full_ || file_ || queue_.size() > shared_->limits.high_water) fill_up();
    settle();
    return !above_mark_;
}

// What went to the connection below without waiting here: whether more may follow.
bool ThrottleLayer::passed_on(bool more) {
    if (!more) {
        note_full();
        fill_up();
    }
    settle();
    return more;
}

void ThrottleLayer::fill_up() {
    above_mark_ = true;
    above_.hold(Slot::Hold::backpressure);
}

// ---- on the way down

// Passes on what the gate and the connection below take.
void ThrottleLayer::pump() {
    while (!queue_.empty() && !full_ && !over_) {
        const FileRange* const file = queue_.front_file();
        const std::size_t passed = file ? pass_file_down(*file) : pass_down();
        if (passed == 0) return;
        queue_.consume(passed);
    }
    if (!queue_.empty()) return;
    file_ = false;
    finish_output();
}

std::size_t ThrottleLayer::pass_down() {
    std::array<iovec, kPieces> waiting;
    const std::size_t count = queue_.gather(waiting.data(), waiting.size());
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) size += waiting[i].iov_len;
    size = out_.take(now(), std::min(size, kMostBytes));
    if (size == 0) return 0;

    std::array<Bytes, kPieces> pieces;
    std::size_t left = size, used = 0;
    for (; left > 0; ++used) {
        const std::size_t part = std::min(left, waiting[used].iov_len);
        pieces[used] = {static_cast<const std::byte*>(waiting[used].iov_base), part};
        left -= part;
    }
    if (!below_->write(std::span<const Bytes>(pieces).first(used))) note_full();
    return size;
}

// Whether the connection below has a file to send says the answer to a write of nothing: a blocking
// driver has sent it by then, and no on_drain will come.
std::size_t ThrottleLayer::pass_file_down(const FileRange& file) {
    FileRange part = file;
    if (out_.limits()) {
        const auto most = std::min<std::uint64_t>(file.length, SIZE_MAX);
        part.length = out_.take(now(), static_cast<std::size_t>(most));
        if (part.length == 0) return 0;
    }
    const auto size = static_cast<std::size_t>(part.length);
    below_->send_file(std::move(part));
    if (!below_->write(std::span<const Bytes>())) note_full();
    return size;
}

// Once nothing waits: the FIN, or the close, that came after it.
void ThrottleLayer::finish_output() {
    if (!queue_.empty() || over_) return;
    if (closing_) {
        end_below();
        below_->close(reason_);
    } else if (fin_ && !fin_sent_) {
        fin_sent_ = true;
        below_->shutdown_write();
    }
}

// While it closes, the time in which the peer takes nothing is counted.
void ThrottleLayer::note_full() {
    full_ = true;
    if (closing_ && close_at_ == kNever && shared_->limits.close_timeout.count() > 0)
        close_at_ = now() + patience_;
}

void ThrottleLayer::note_room() {
    full_ = false;
    if (close_at_ != kNever) patience_ = std::exchange(close_at_, kNever) - now();
}

void ThrottleLayer::end_below() noexcept {
    over_ = true;
    queue_.clear();
    in_.leave();
    out_.leave();
    deadline_ = close_at_ = kNever;
}

}  // namespace switchboard::detail
