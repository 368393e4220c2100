#include "memory_connection.hpp"

#include <sys/uio.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace switchboard::testing {
namespace {

constexpr std::size_t kReadBuffer = 64 * 1024;  // bytes of one read, and of one read of a file

}  // namespace

MemoryConnection::MemoryConnection(World& world, ConnectionId id,
                                   std::unique_ptr<Protocol> protocol, const Limits& limits)
    : Transport(std::move(protocol), limits),
      world_(world),
      id_(id),
      limits_(limits),
      test_peer_(*this) {}

// ---- what happens in a turn

void MemoryConnection::serve() {
    if (closed()) return;
    if (is(Phase::connecting)) opened();
    take_reset();
    if (closed()) return;
    if (world_.draining && !slot_.stopping()) {
        stop();
        end_of_turn_at_ = world_.turn;
    }
    if (next_timeout() <= world_.now) expired(world_.now);
    if (has(kListed) && end_of_turn_at_ <= world_.turn) end_of_turn();
    read();
}

void MemoryConnection::end_turn() {
    if (closed()) return;
    if (has(kBlocked) && room() > 0) writable();
    const bool may_flush = has(kQueued) && !has(kBlocked);
    if ((has(kAttention) || may_flush) && is(Phase::open)) push_out();
    if (has(kListed)) world_.happened = true;
}

// What is asked for outside the connection's own callbacks takes effect in the next turn: the one
// who asks may be another connection's callback, and those do not nest.
void MemoryConnection::attend_later() {
    end_of_turn_at_ = world_.turn + 1;
    world_.happened = true;
}

void MemoryConnection::begin_callback() {
    world_.happened = true;
    Transport::begin_callback();
}

void MemoryConnection::take_reset() {
    if (world_.chance(world_.weather.reset_chance)) reset_arrived_ = true;
    if (!reset_arrived_ || closed()) return;
    lost(std::make_error_code(std::errc::connection_reset));
    settle();
}

// The buffer is as long as what is in it and gone afterwards, so that a sanitizer sees a protocol
// that reaches beyond its bytes or keeps a view of them.
void MemoryConnection::read() {
    if (has(kResume)) return;  // on_resume comes first
    std::size_t budget = limits_.read_budget;
    while (arrived_.size() > 0 && budget > 0 && wants_input()) {
        std::size_t size = std::min({arrived_.size(), kReadBuffer, budget});
        if (world_.weather.short_reads) size = 1 + world_.below(size);
        budget = world_.weather.short_reads ? 0 : budget - size;
        auto buffer = arrived_.pop(size);
        moved_at_ = world_.now;
        received(buffer);
    }
    if (arrived_.size() > 0 && wants_input()) world_.happened = true;
    if (eof_arrived_ && arrived_.size() == 0 && !has(kEofSeen) && !closed()) received_eof();
}

void MemoryConnection::ask() {
    read();
    if (room() > 0) offer_again();
}

// Who was reset, or wrote to nobody, has nothing to tell the far end.
void MemoryConnection::end(std::error_code reason, bool reset) {
    const bool cut = reset || reset_arrived_;
    if (!cut) transmit_fin();
    if (cut && partner_) partner_->arrive_reset();
    far_.reset = far_.reset || reset;
    close_reason_ = reason;
    failure_ = innermost().failure();
    arrived_.clear();
    world_.happened = true;
    Transport::closed(reason);
}

void MemoryConnection::refused() noexcept {
    const bool cut_off = reason() == errc::write_queue_full;  // by the driver, perhaps just now
    if (entered() && !cut_off) ++late_writes_;
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
std::size_t MemoryConnection::room() const {
    if (!partner_) return far_.window - std::min(far_.window, far_.received.size());
    if (partner_->closed()) return kUnlimited;
    return partner_window_ - std::min(partner_window_, partner_->arrived_.size());
}

// How many of `most` bytes it is given now.
std::size_t MemoryConnection::allowed(std::size_t most) {
    const std::size_t size = std::min(most, room());
    if (size == 0 || !world_.weather.short_writes) return size;
    world_.happened = true;  // what is not taken now is taken later
    return world_.below(size + 1);
}

void MemoryConnection::note_moved(std::size_t bytes) {
    if (bytes == 0) return;
    ++write_calls_;
    moved_at_ = world_.now;
    world_.happened = true;
}

Transport::Sent MemoryConnection::transmit(const iovec* pieces, std::size_t count) {
    std::size_t size = 0, moved = 0;
    for (std::size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
    const std::size_t most = allowed(size);
    for (std::size_t i = 0; moved < most; ++i) {
        const std::size_t part = std::min(pieces[i].iov_len, most - moved);
        deliver({static_cast<const std::byte*>(pieces[i].iov_base), part});
        moved += part;
    }
    note_moved(moved);
    return {.bytes = moved, .blocked = moved < size};
}

Transport::Sent MemoryConnection::transmit_file(const FileRange& range, std::uint64_t most) {
    const std::size_t want =
        allowed(static_cast<std::size_t>(std::min<std::uint64_t>(most, kReadBuffer)));
    if (want == 0) return {.blocked = true};
    std::vector<std::byte> buffer(want);
    const auto offset = static_cast<off_t>(range.offset);
    const ssize_t got = ::pread(range.file->fd(), buffer.data(), buffer.size(), offset);
    if (got == 0) return {.error = errc::file_too_short};
    if (got < 0) return {.error = std::error_code(errno, std::system_category())};
    const auto part = static_cast<std::size_t>(got);
    deliver(Bytes(buffer).first(part));
    note_moved(part);
    return {.bytes = part};
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

void MemoryConnection::transmit_fin() noexcept {
    if (partner_) partner_->arrive_eof();
    far_.eof = true;
}

}  // namespace switchboard::testing
