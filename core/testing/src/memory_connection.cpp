#include "memory_connection.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>

namespace switchboard::testing {
namespace {

constexpr std::size_t kReadBuffer = 64 * 1024;  // bytes of one read, and of one read of a file
constexpr auto kNever = Clock::time_point::max();

}  // namespace

std::vector<std::byte> Stream::pop(std::size_t count) {
    const Bytes front = as_bytes(bytes_).subspan(used_, count);
    std::vector<std::byte> taken(front.begin(), front.end());
    used_ += count;
    if (used_ * 2 >= bytes_.size()) {
        bytes_.erase(0, used_);
        used_ = 0;
    }
    return taken;
}

void Stream::clear() {
    bytes_.clear();
    used_ = 0;
}

MemoryConnection::MemoryConnection(World& world, ConnectionId id,
                                   std::unique_ptr<Protocol> protocol, const Limits& limits)
    : world_(world),
      id_(id),
      limits_(limits),
      slot_(std::move(protocol), limits.max_unread),
      test_peer_(*this) {}

// ---- what the protocol asks for

bool MemoryConnection::accepts() {
    if (phase_ == Phase::open && !shutdown_) return true;
    const bool cut_off = reason_ == errc::write_queue_full;  // by the driver, perhaps just now
    if (entered_ && !cut_off) ++late_writes_;
    return false;
}

// The marks, after every growth of the queue. What passes the cap is what the peer does not take.
bool MemoryConnection::queued_more() {
    if (queue_.size() > limits_.max_queued) flush();
    if (queue_.size() > limits_.max_queued) {
        abort(errc::write_queue_full);
        return false;
    }
    if (queue_.size() > limits_.high_water) hold_until_drained();
    return !above_;
}

void MemoryConnection::hold_until_drained() {
    above_ = true;
    slot_.hold(Slot::Hold::backpressure);
}

bool MemoryConnection::write(std::span<const Bytes> pieces) {
    if (!accepts()) return false;
    for (const Bytes piece : pieces) queue_.append(piece);
    return queued_more();
}

bool MemoryConnection::write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) {
    if (!accepts()) return false;
    queue_.append(std::move(buffer));
    return queued_more();
}

// A file takes no memory and yet is work to come: nothing is read until it is gone.
void MemoryConnection::send_file(FileRange range) {
    if (!accepts() || range.length == 0) return;
    queue_.append(std::move(range));
    file_ = true;
    hold_until_drained();
}

void MemoryConnection::shutdown_write() {
    if (phase_ == Phase::open) shutdown_ = true;
}

// What is asked for outside the connection's own callbacks takes effect in the next turn: the one
// who asks may be another connection's callback, and those do not nest.
void MemoryConnection::end(Phase phase, std::error_code reason) {
    phase_ = phase;
    reason_ = reason;
    deadline_ = kNever;
    timeouts_.ended();
    slot_.end();
    if (!entered_) end_turn_ = world_.turn + 1;
}

void MemoryConnection::close(std::error_code reason) {
    if (phase_ != Phase::open) return;
    end(Phase::closing, reason);
    close_at_ = after(limits_.close_timeout);
}

void MemoryConnection::abort(std::error_code reason) {
    if (phase_ == Phase::aborted || phase_ == Phase::closed) return;
    queue_.clear();
    end(Phase::aborted, reason);
}

void MemoryConnection::pause_reading() {
    resume_turn_ = 0;
    slot_.hold(Slot::Hold::handler);
}

void MemoryConnection::resume_reading() {
    if (resume_turn_ == 0) resume_turn_ = world_.turn + 1;
    slot_.release(Slot::Hold::handler);
}

void MemoryConnection::set_deadline(Clock::time_point when) {
    if (phase_ == Phase::open) deadline_ = when;
}

void MemoryConnection::switch_to(std::unique_ptr<Protocol> next) {
    slot_.switch_to(*this, std::move(next));
}

// ---- what happens in a turn

// Every way into the protocol: what it wrote leaves when it returns, in one piece.
template <class Enter>
void MemoryConnection::call(Enter enter) {
    world_.happened = true;
    entered_ = true;
    enter();
    flush();
    entered_ = false;
    conclude();
}

void MemoryConnection::serve() {
    if (closed()) return;
    if (!slot_.is_open()) {
        timeouts_.opened(world_.now);
        call([&] { slot_.open(*this); });
    }
    take_reset();
    tell_stop();
    run_timers();
    offer_again();
    drain();
    read();
}

void MemoryConnection::drain() {
    if (!above_ || file_ || queue_.size() > limits_.low_water || slot_.ended()) return;
    above_ = false;
    slot_.release(Slot::Hold::backpressure);
    call([&] { slot_.drain(*this); });
}

void MemoryConnection::take_reset() {
    if (world_.chance(world_.weather.reset_chance)) reset_arrived_ = true;
    if (!reset_arrived_ || closed()) return;
    if (partner_) partner_->arrive_reset();
    finish(std::make_error_code(std::errc::connection_reset));
}

void MemoryConnection::tell_stop() {
    if (!world_.draining || slot_.stopping() || slot_.ended()) return;
    call([&] { slot_.stop(*this); });
    if (!slot_.ended()) timeouts_.drain(timeouts_.moved_at());
}

void MemoryConnection::offer_again() {
    if (!due(resume_turn_)) return;
    const bool asked = resume_turn_ != 0 && !slot_.held() && !slot_.ended();
    if (!asked && !slot_.has_work()) return;
    if (asked) resume_turn_ = 0;
    call([&] { slot_.resume(*this); });
}

void MemoryConnection::run_timers() {
    if (stall_at_ <= world_.now) {
        call([&] { abort(errc::write_stalled); });
    } else if (close_at_ <= world_.now) {
        call([&] { abort(errc::close_timed_out); });
    } else if (const auto why = timeouts_.over(world_.now)) {
        call([&] { close(why); });
    } else if (timeouts_.quiet(world_.now)) {
        const bool idle = slot_.is_idle() && queue_.empty() && arrived_.size() == 0;
        idle ? call([&] { close({}); }) : timeouts_.stay(world_.now);
    } else if (deadline_ <= world_.now && !slot_.ended()) {
        deadline_ = kNever;
        call([&] { slot_.deadline(*this); });
    }
}

// The buffer is as long as what is in it and gone afterwards, so that a sanitizer sees a protocol
// that reaches beyond its bytes or keeps a view of them.
void MemoryConnection::read() {
    if (!due(resume_turn_)) return;
    std::size_t budget = limits_.read_budget;
    while (arrived_.size() > 0 && budget > 0 && !slot_.held() && !slot_.ended()) {
        std::size_t size = std::min({arrived_.size(), kReadBuffer, budget});
        if (world_.weather.short_reads) size = 1 + world_.below(size);
        budget = world_.weather.short_reads ? 0 : budget - size;
        auto buffer = arrived_.pop(size);
        timeouts_.received(world_.now);
        call([&] { slot_.data(*this, buffer); });
    }
    const bool at_end = eof_arrived_ && arrived_.size() == 0 && !slot_.saw_eof();
    if (at_end && !slot_.held() && !slot_.ended() && !slot_.has_work())
        call([&] { slot_.eof(*this); });
}

void MemoryConnection::end_turn() {
    if (closed()) return;
    flush();
    if (!due(end_turn_) || !due(resume_turn_) || slot_.has_work()) world_.happened = true;
    conclude();
}

void MemoryConnection::conclude() {
    if (!due(end_turn_)) return;
    if (phase_ == Phase::aborted) {
        send_reset();
        finish(reason_);
    } else if (queue_.empty() && (phase_ == Phase::closing || shut_both_ways())) {
        send_eof();
        finish(reason_);
    }
}

// Nothing can be read or written any more: no event would ever end it.
bool MemoryConnection::shut_both_ways() const {
    return phase_ == Phase::open && far_.eof && slot_.saw_eof();
}

void MemoryConnection::finish(std::error_code reason) {
    end(Phase::closed, reason);
    stall_at_ = close_at_ = kNever;
    queue_.clear();
    arrived_.clear();
    world_.happened = true;
    entered_ = true;
    slot_.close(reason);
    entered_ = false;
}

Clock::time_point MemoryConnection::after(std::chrono::milliseconds limit) const {
    return limit.count() == 0 ? kNever : world_.now + limit;
}

Clock::time_point MemoryConnection::next_timer() const {
    return std::min({deadline_, stall_at_, close_at_, timeouts_.due()});
}

// ---- the way to the far end

void MemoryConnection::join(MemoryConnection& partner, std::size_t window) {
    partner_ = &partner;
    partner_window_ = window;
}

void MemoryConnection::arrive(Bytes bytes) {
    if (!closed()) arrived_.push(bytes);
}

// How many bytes the far end takes now.
std::size_t MemoryConnection::room() {
    if (!partner_) return far_.window - std::min(far_.window, far_.received.size());
    if (partner_->closed()) return kUnlimited;
    return partner_window_ - std::min(partner_window_, partner_->arrived_.size());
}

void MemoryConnection::flush() {
    if (phase_ == Phase::aborted || closed() || !slot_.is_open()) return;
    std::size_t most = room();
    if (most > 0 && !queue_.empty() && world_.weather.short_writes) {
        world_.happened = true;  // what is not taken now is taken later
        const std::size_t waiting = queue_.front_file() ? kReadBuffer : queue_.size();
        most = world_.below(std::min(most, waiting) + 1);
    }
    std::size_t moved = 0;
    while (moved < most && !queue_.empty()) {
        const std::size_t part =
            queue_.front_file() ? flush_file(most - moved) : flush_memory(most - moved);
        if (part == 0) return;
        moved += part;
    }
    if (moved > 0) {
        ++write_calls_;
        world_.happened = true;
        if (phase_ == Phase::open) timeouts_.sent(world_.now);
    }
    if (queue_.empty()) {
        file_ = false;
        stall_at_ = kNever;
    } else if (moved > 0 || stall_at_ == kNever) {
        stall_at_ = after(limits_.write_stall_timeout);
    }
    if (shutdown_ && queue_.empty()) send_eof();
}

std::size_t MemoryConnection::flush_memory(std::size_t most) {
    std::array<iovec, 16> pieces;
    const std::size_t count = queue_.gather(pieces.data(), pieces.size());
    std::size_t moved = 0;
    for (std::size_t i = 0; i < count && moved < most; ++i) {
        const std::size_t part = std::min(pieces[i].iov_len, most - moved);
        deliver({static_cast<const std::byte*>(pieces[i].iov_base), part});
        moved += part;
    }
    queue_.consume(moved);
    return moved;
}

// Answers 0 when the file could not be read as far as it should; the connection is aborted then.
std::size_t MemoryConnection::flush_file(std::size_t most) {
    const FileRange& range = *queue_.front_file();
    const auto want = std::min<std::uint64_t>({range.length, most, kReadBuffer});
    std::vector<std::byte> buffer(static_cast<std::size_t>(want));
    const auto offset = static_cast<off_t>(range.offset);
    const ssize_t got = ::pread(range.file->fd(), buffer.data(), buffer.size(), offset);
    if (got <= 0) {
        const std::error_code why(errno, std::system_category());
        abort(got == 0 ? make_error_code(errc::file_too_short) : why);
        return 0;
    }
    const auto part = static_cast<std::size_t>(got);
    deliver(Bytes(buffer).first(part));
    queue_.consume(part);
    return part;
}

void MemoryConnection::deliver(Bytes bytes) {
    if (!partner_) {
        far_.received += as_text(bytes);
    } else if (partner_->closed()) {
        reset_arrived_ = true;
    } else {
        partner_->arrive(bytes);
    }
}

void MemoryConnection::send_eof() {
    if (partner_) partner_->arrive_eof();
    far_.eof = true;
}

void MemoryConnection::send_reset() {
    if (partner_) partner_->arrive_reset();
    far_.reset = true;
}

}  // namespace switchboard::testing
