// What a connection writes. In its own callback bytes gather in the scratch of the driver, if it has one, and
// leave when the callback returns. Large pieces leave from where they lie. What the wire does not take waits
// in the queue.
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <switchboard/transport.hpp>

#include "transport_rare.hpp"

namespace switchboard {
namespace {

constexpr std::size_t kPieces = 16;  // that the wire is given at once

}  // namespace

std::size_t Transport::queued() const noexcept {
    const Scratch* const s = scratch();
    return (rare_ ? rare_->queue.size() : 0) + (s != nullptr ? s->used : 0);
}

void Transport::drop_output() noexcept {
    if (rare_) rare_->queue.clear();
    clear(kQueued | kFile);
}

bool Transport::write(std::span<const Bytes> pieces) {
    Scratch* const s = has_scratch() ? scratch() : nullptr;
    if (s == nullptr) return queue_pieces(pieces);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const Bytes piece = pieces[i];
        if (piece.size() >= Scratch::kLarge || piece.size() > Scratch::kSize - s->used)
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
    const auto large = [](Bytes piece) { return piece.size() >= Scratch::kLarge; };
    if (!has(kQueued | kBlocked) && std::any_of(pieces.begin(), pieces.end(), large))
        return spill(scratch(), pieces);
    for (const Bytes piece : pieces) {
        if (!enqueue(piece)) return false;
    }
    return queued_more();
}

// Sends what was gathered and the pieces from where they lie, and queues what is left. If the wire takes all
// there is nothing left to do: that case must be cheap. The second time in one callback, and past the size of
// a scratch, the answer is false even then, so that a handler that writes until it is told to stop does stop;
// on_drain follows.
bool Transport::spill(Scratch* scratch, std::span<const Bytes> pieces) {
    std::array<iovec, kPieces> batch;
    std::size_t count = 0, size = 0;
    if (scratch != nullptr && scratch->used > 0) {
        size = std::exchange(scratch->used, 0);
        batch[count++] = {scratch->bytes.data(), size};
    }
    const auto direct = pieces.first(std::min(pieces.size(), kPieces - count));
    for (const Bytes piece : direct) {
        batch[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
        size += piece.size();
    }
    const bool much = has(kSpilled) || size > Scratch::kSize;
    set(kSpilled);
    const Sent sent = transmit(batch.data(), count);
    const auto rest = pieces.subspan(direct.size());
    if (scratch != nullptr && !much && sent.bytes == size && rest.empty()) {
        note_activity();
        return !slot_.held(Slot::Hold::backpressure);
    }
    if (!enqueue_rest(sent, std::span(batch).first(count))) return false;
    for (const Bytes piece : rest) {
        if (!enqueue(piece)) return false;
    }
    if (much && !is_direct()) slot_.hold(Slot::Hold::backpressure);
    return queued_more();
}

// What the wire did not take of what it was given; false if it is lost.
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

bool Transport::write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) {
    if (may_write()) return queue_scratch() && enqueue(std::move(buffer)) && queued_more();
    refused();
    return false;
}

// A file takes no memory and yet is work to come: nothing is read until it is gone.
void Transport::send_file(FileRange range) {
    if (!may_write()) return refused();
    if (range.length == 0 || !queue_scratch() || !enqueue(std::move(range))) return;
    set(kFile);
    slot_.hold(Slot::Hold::backpressure);
    queued_more();
}

void Transport::shutdown_write() {
    if (may_write()) request(kFin);
}

// What there is no memory for costs the connection: the peer must not see a gap.
template <class Output>
bool Transport::enqueue(Output&& output) noexcept {
    try {
        rare().queue.append(std::forward<Output>(output));
        return true;
    } catch (const std::bad_alloc&) {
        abort(std::make_error_code(std::errc::not_enough_memory));
        return false;
    }
}

// What was gathered so far goes first.
bool Transport::queue_scratch() {
    Scratch* const s = scratch();
    if (s == nullptr || s->used == 0) return true;
    return enqueue(Bytes(s->bytes.data(), std::exchange(s->used, 0)));
}

// The marks, after every growth of the queue; false above the high one. What passes the cap is offered to
// the wire before the connection is given up.
bool Transport::queued_more() {
    const Limits& l = limits();
    const bool direct = is_direct();
    if (rare_ && !rare_->queue.empty()) set(kQueued);
    if (direct) flush();
    if (is_over_full()) relieve();
    if (is_over_full()) {
        abort(errc::write_queue_full);
        return false;
    }
    if (cost() > l.high_water || is_full()) slot_.hold(Slot::Hold::backpressure);
    if (wants_output() && rare_->stall_at == Rare::kNever) note_progress();
    direct || entered() ? request(0) : at_end_of_turn(0);
    return !slot_.held(Slot::Hold::backpressure) && !slot_.ended();
}

// From now on the wire has so long to take something, if it was full.
void Transport::note_progress() {
    if (!rare_) return;
    Rare& r = *rare_;
    const bool waits = wants_output();
    r.stall_at = waits ? in(stall_timeout()) : Rare::kNever;
    r.close_at = waits && is(Phase::closing) ? in(limits().close_timeout) : Rare::kNever;
    arm(std::min(r.stall_at, r.close_at));
}

// A peer that has part of a file must not take an orderly end for the end of the file. Whoever wrote may not
// be within a callback, after which the end would come.
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

void Transport::send_scratch(Scratch& scratch) {
    clear(kSpilled);
    const std::size_t size = std::exchange(scratch.used, 0);
    if (size == 0 || phase() >= Phase::aborting) return;
    const iovec all{scratch.bytes.data(), size};
    const Sent sent = transmit(&all, 1);
    if (sent.bytes < size) return sent_short(sent, all);
    note_activity();
}

void Transport::sent_short(const Sent& sent, const iovec& all) {
    if (!enqueue_rest(sent, {&all, 1})) return;
    set(kAttention);
    queued_more();
}

// Sends from the queue until it is empty or the wire takes no more, at most read_budget bytes a turn: a file
// to a fast peer is not to keep the others waiting either.
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
    const bool waits = std::min(rare_->stall_at, rare_->close_at) != Rare::kNever;
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
