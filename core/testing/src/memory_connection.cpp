#include "memory_connection.hpp"

#include <sys/uio.h>
#include <algorithm>

namespace switchboard::testing {
MemoryConnection::MemoryConnection(World& world, ConnectionId id,
                                   std::unique_ptr<Protocol> protocol,
                                   const ConnectionLimits& limits)
    : Transport(std::move(protocol), limits), world_(world), id_(id), limits_(limits) {}

// ---- a turn

void MemoryConnection::serve() {
    if (is_closed()) return;
    if (is(Phase::connecting)) opened();
    if (world_.chance(world_.faults.reset_chance)) arrived_.reset = true;
    if (arrived_.reset && !is_closed()) {
        lost(std::make_error_code(std::errc::connection_reset));
        settle();
    }
    if (is_closed()) return;
    if (world_.draining && !runner_.stopping()) {
        stop();
        end_of_turn_at_ = world_.turn;
    }
    if (next_timeout() <= world_.now) expired(world_.now);
    if (has(kListed) && end_of_turn_at_ <= world_.turn) end_of_turn();
    read();
}

void MemoryConnection::end_turn() {
    if (is_closed()) return;
    if (has(kBlocked) && to_->room() > 0) writable();
    const bool may_flush = has(kQueued) && !has(kBlocked);
    if ((has(kAttention) || may_flush) && is(Phase::open)) push_out();
    if (has(kListed)) world_.happened = true;
}

// A request that is made outside the connection's own callbacks takes effect in the next turn. It may be
// made in the callback of another connection, and callbacks do not nest.
void MemoryConnection::schedule_end_of_turn() {
    end_of_turn_at_ = world_.turn + 1;
    world_.happened = true;
}

void MemoryConnection::begin_callback() {
    world_.happened = true;
    Transport::begin_callback();
}

// The buffer has exactly the size of the bytes and is destroyed afterwards, so that a sanitizer detects a
// protocol that reads beyond its bytes or keeps a view of them.
void MemoryConnection::read() {
    if (has(kResume)) return;  // on_resume comes first
    std::size_t budget = limits_.read_budget;
    while (arrived_.size() > 0 && budget > 0 && wants_input()) {
        std::size_t size = std::min({arrived_.size(), kReadBuffer, budget});
        if (world_.faults.short_reads) size = 1 + world_.below(size);
        budget = world_.faults.short_reads ? 0 : budget - size;
        auto buffer = arrived_.pop(size);
        moved_at_ = world_.now;
        received(buffer);
    }
    if (arrived_.size() > 0 && wants_input()) world_.happened = true;
    if (arrived_.eof && arrived_.size() == 0 && !has(kEofSeen) && !is_closed()) received_eof();
}

void MemoryConnection::ask() {
    read();
    if (to_->room() > 0) offer_again();
}

// A connection that was reset, or whose peer has closed, sends no FIN. A connection at the far end is reset,
// too.
void MemoryConnection::end(std::error_code reason, bool reset) {
    if (!reset && !arrived_.reset) transmit_fin();
    to_->reset = to_->reset || reset || (arrived_.reset && to_ != &far_);
    close_reason_ = reason;
    failure_ = innermost().failure();
    arrived_.close();
    world_.happened = true;
    Transport::closed(reason);
}

void MemoryConnection::refused() noexcept {
    // Aborted by the driver, which is not a bug of the handler.
    const bool cut_off =
        reason() == errc::write_queue_full || reason() == std::errc::not_enough_memory;
    if (entered() && !cut_off) ++late_writes_;
}

// Returns how many of `most` bytes the far end takes now.
std::size_t MemoryConnection::allowed(std::size_t most) {
    const std::size_t size = std::min(most, to_->room());
    if (size == 0 || !world_.faults.short_writes) return size;
    world_.happened = true;  // the rest is taken in a later turn
    return world_.below(size + 1);
}

// If the far end has closed, it replies with a reset.
void MemoryConnection::note_moved(std::size_t bytes) {
    if (bytes == 0) return;
    ++write_calls_;
    moved_at_ = world_.now;
    world_.happened = true;
    if (to_->closed()) arrived_.reset = true;
}

Transport::Sent MemoryConnection::transmit(const iovec* pieces, std::size_t count) {
    std::size_t size = 0, moved = 0;
    for (std::size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
    const std::size_t most = allowed(size);
    for (std::size_t i = 0; moved < most; ++i) {
        const std::size_t part = std::min(pieces[i].iov_len, most - moved);
        to_->push({static_cast<const std::byte*>(pieces[i].iov_base), part});
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
    const auto got = range.file->read(range.offset, buffer);
    if (!got) return {.error = got.error()};
    if (*got == 0) return {.error = errc::file_too_short};
    to_->push(Bytes(buffer).first(*got));
    note_moved(*got);
    return {.bytes = *got};
}

}  // namespace switchboard::testing
