// The output of a connection. In its own callback, bytes are gathered in the cork buffer of the driver, if it
// has one, and sent when the callback returns. Large pieces are sent without being copied. Bytes that the
// wire does not take are queued.
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <switchboard/driver/transport.hpp>

#include "rare_state.hpp"

namespace switchboard {
namespace {

constexpr std::size_t kPieces = 16;  // most pieces passed to the wire at once
constexpr std::chrono::seconds kUntilOffer{1};

}  // namespace

std::size_t Transport::queued() const noexcept {
    const CorkBuffer* const s = cork_buffer();
    return (rare_ ? rare_->queue.size() : 0) + (s != nullptr ? s->used : 0);
}

void Transport::drop_output() noexcept {
    if (rare_) rare_->queue.clear();
    clear(kQueued | kFile);
}

bool Transport::write(std::span<const Bytes> pieces) {
    CorkBuffer* const s = can_cork() ? cork_buffer() : nullptr;
    if (s == nullptr) return queue_pieces(pieces);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const Bytes piece = pieces[i];
        if (piece.size() >= CorkBuffer::kLarge || piece.size() > CorkBuffer::kSize - s->used)
            return spill(s, pieces.subspan(i));
        if (!piece.empty()) std::memcpy(s->bytes.data() + s->used, piece.data(), piece.size());
        s->used += piece.size();
    }
    return true;
}

bool Transport::write_otherwise(Bytes piece) {
    return Transport::write(std::span<const Bytes>(&piece, 1));
}

bool Transport::queue_pieces(std::span<const Bytes> pieces) {
    if (!may_write()) {
        refused();
        return false;
    }
    const auto large = [](Bytes piece) { return piece.size() >= CorkBuffer::kLarge; };
    if (!has(kQueued | kBlocked) && std::any_of(pieces.begin(), pieces.end(), large))
        return spill(cork_buffer(), pieces);
    for (const Bytes piece : pieces) {
        if (!enqueue(piece)) return false;
    }
    return queued_more();
}

// Sends the gathered bytes and the pieces, without copying the pieces, and queues what is left. The case in
// which the wire takes everything must be cheap. On the second call in one callback, and above the size of a
// cork buffer, it returns false even then, so that a handler that writes until it must stop does stop;
// on_writable follows.
bool Transport::spill(CorkBuffer* gathered, std::span<const Bytes> pieces) {
    std::array<iovec, kPieces> batch;
    std::size_t count = 0, size = 0;
    if (gathered != nullptr && gathered->used > 0) {
        size = std::exchange(gathered->used, 0);
        batch[count++] = {gathered->bytes.data(), size};
    }
    const auto direct = pieces.first(std::min(pieces.size(), kPieces - count));
    for (const Bytes piece : direct) {
        batch[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
        size += piece.size();
    }
    const bool much = has(kSpilled) || size > CorkBuffer::kSize;
    set(kSpilled);
    const Sent sent = transmit(batch.data(), count);
    const auto rest = pieces.subspan(direct.size());
    if (gathered != nullptr && !much && sent.bytes == size && rest.empty()) {
        note_activity();
        return !runner_.held(ProtocolRunner::Hold::backpressure);
    }
    if (!enqueue_rest(sent, std::span(batch).first(count))) return false;
    for (const Bytes piece : rest) {
        if (!enqueue(piece)) return false;
    }
    if (much && !is_direct()) runner_.hold(ProtocolRunner::Hold::backpressure);
    return queued_more();
}

// Queues the bytes that the wire did not take. Returns false if the wire is lost.
bool Transport::enqueue_rest(const Sent& sent, std::span<const iovec> given) {
    took(sent);
    auto taken = static_cast<std::size_t>(sent.bytes);
    for (const iovec& each : given) {
        const Bytes piece(static_cast<const std::byte*>(each.iov_base), each.iov_len);
        const std::size_t skip = std::min(taken, piece.size());
        taken -= skip;
        if (sent.error || (skip < piece.size() && !enqueue(piece.subspan(skip)))) return false;
    }
    return true;
}

bool Transport::write_shared(SharedBytes buffer) {
    if (may_write()) return queue_corked() && enqueue(std::move(buffer)) && queued_more();
    refused();
    return false;
}

// A file takes no memory but is work to be done, so nothing is read until it is sent.
void Transport::send_file(FileRange range) {
    if (!may_write()) return refused();
    if (range.length == 0 || !queue_corked() || !enqueue(std::move(range))) return;
    set(kFile);
    runner_.hold(ProtocolRunner::Hold::backpressure);
    queued_more();
}

void Transport::shutdown_write() {
    if (may_write()) request(kFin);
}

// If memory runs out the connection is aborted, because the peer must not see a gap.
template <class Output>
bool Transport::enqueue(Output&& output) noexcept {
    try {
        rare_state().queue.append(std::forward<Output>(output));
        return true;
    } catch (const std::bad_alloc&) {
        abort(std::make_error_code(std::errc::not_enough_memory));
        return false;
    }
}

// Queues the gathered bytes, which come first.
bool Transport::queue_corked() {
    CorkBuffer* const s = cork_buffer();
    if (s == nullptr || s->used == 0) return true;
    return enqueue(Bytes(s->bytes.data(), std::exchange(s->used, 0)));
}

// Checks the marks after the queue has grown. Returns false above the high-water mark. Above
// max_write_buffer the queue is offered to the wire before the connection is aborted.
bool Transport::queued_more() {
    const ConnectionLimits& l = limits();
    const bool direct = is_direct();
    if (rare_ && !rare_->queue.empty()) set(kQueued);
    if (direct) flush();
    if (is_over_full()) relieve();
    if (is_over_full()) {
        abort(errc::write_queue_full);
        return false;
    }
    if (cost() > l.high_water || is_full()) runner_.hold(ProtocolRunner::Hold::backpressure);
    if (wants_output() && rare_->stall_at == RareState::kNever) note_progress();
    direct || entered() ? request(0) : at_end_of_turn(0);
    return !runner_.held(ProtocolRunner::Hold::backpressure) && !runner_.ended();
}

// Restarts the stall and close timers, which run while the wire is full. A socket says that it is writable
// only when a third of its buffer is free, so that there is room for some more bytes when a peer has stopped
// reading. They are offered early: at the end of the limit they would look like progress, and restart it.
void Transport::note_progress() {
    if (!rare_) return;
    RareState& r = *rare_;
    const bool waits = wants_output();
    r.stall_at = waits ? in(stall_timeout()) : RareState::kNever;
    r.close_at = waits && is(Phase::closing) ? in(limits().close_timeout) : RareState::kNever;
    const auto limit = std::min(r.stall_at, r.close_at);
    r.offer_at = limit == RareState::kNever ? limit : in(kUntilOffer);
    arm(std::min(limit, r.offer_at));
}

// Handles the result of a send. An error ends with a reset, because a peer that has got part of a file must
// not take an orderly end for the end of the file. The work is put off to the end of the turn, because the
// writer may not be in a callback of this connection.
void Transport::took(const Sent& sent) {
    if (sent.error) {
        set(kReset);
        lost(sent.error);
        at_end_of_turn(0);
    } else if (sent.blocked) {
        set(kBlocked);
    }
    if (sent.bytes > 0) note_activity();
}

void Transport::send_corked(CorkBuffer& gathered) {
    clear(kSpilled);
    const std::size_t size = std::exchange(gathered.used, 0);
    if (size == 0 || phase() >= Phase::aborting) return;
    const iovec all{gathered.bytes.data(), size};
    const Sent sent = transmit(&all, 1);
    if (sent.bytes < size) return sent_short(sent, all);
    note_activity();
}

void Transport::sent_short(const Sent& sent, const iovec& all) {
    if (!enqueue_rest(sent, {&all, 1})) return;
    set(kAttention);
    queued_more();
}

// Sends from the queue until it is empty or the wire takes no more. Sends at most read_budget bytes per
// turn, so that a file to a fast peer does not keep other connections waiting.
void Transport::flush() {
    if (!has(kQueued)) return;
    detail::OutputQueue& q = rare_->queue;
    std::uint64_t budget = std::max<std::uint64_t>(limits().read_budget, 1);
    bool progress = false;
    while (budget > 0 && has(kQueued) && !has(kBlocked) && phase() < Phase::aborting) {
        std::array<iovec, kPieces> batch;
        const std::size_t count = q.gather(batch.data(), batch.size());
        const FileRange* const file = count == 0 ? q.front_file() : nullptr;
        const Sent sent = file == nullptr ? transmit(batch.data(), count)
                                          : transmit_file(*file, std::min(file->length, budget));
        q.consume(sent.bytes);
        if (q.empty()) clear(kQueued | kFile);
        progress = progress || sent.bytes > 0;
        if (sent.error || sent.blocked || has(kTimed)) took(sent);
        if (sent.bytes == 0) break;
        budget -= std::min(budget, sent.bytes);
    }
    if (budget == 0 && has(kQueued)) at_end_of_turn(0);
    const bool waits = std::min(rare_->stall_at, rare_->close_at) != RareState::kNever;
    if (waits ? progress : wants_output()) note_progress();
}

void Transport::flush_all() {
    clear(kBlocked);
    for (std::size_t before = 0; is_over_full() && !has(kBlocked) && cost() != before;) {
        before = cost();
        flush();
    }
}

std::size_t Transport::cost() const noexcept {
    return rare_ ? rare_->queue.cost() : 0;
}

void Transport::offer_again() {
    if (!has(kQueued)) return;
    clear(kBlocked);
    flush();
    set(kAttention);
}

bool Transport::is_drained() const noexcept {
    return !has(kFile) && !is_full() && cost() <= limits().low_water;
}

}  // namespace switchboard
