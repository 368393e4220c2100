// What a connection writes. In its own callback bytes gather in the loop's scratch and are sent when
// the callback returns; what the socket does not take, and what is written at other times, waits in
// the queue.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "loop.hpp"
#include "platform/platform.hpp"
#include "rights.hpp"
#include "socket_connection.hpp"

namespace switchboard::detail {
namespace {

constexpr std::size_t kPieces = 16;  // that one sendmsg takes

bool must_wait(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

ssize_t send_pieces(int fd, iovec* pieces, std::size_t count) {
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    return ::sendmsg(fd, &message, platform::kSendFlags);
}

// memcpy, but that the pointer of nothing may be null.
void copy_bytes(std::byte* to, const std::byte* from, std::size_t size) {
    if (size > 0) [[likely]]
        std::memcpy(to, from, size);
}

}  // namespace

// One piece in the connection's own callback is the case that must be cheap.
bool SocketConnection::write(Bytes piece) {
    Loop& l = loop();
    if (l.current != this || !has_scratch()) [[unlikely]]
        return write_otherwise(piece);
    std::byte* const to = l.scratch.bytes.data() + l.scratch.used;
    const std::size_t used = l.scratch.used + piece.size();
    if (used > Scratch::kSize) [[unlikely]]
        return write_otherwise(piece);
    l.scratch.used = used;
    copy_bytes(to, piece.data(), piece.size());
    return true;
}

[[gnu::noinline]] bool SocketConnection::write_otherwise(Bytes piece) {
    return write(std::span<const Bytes>(&piece, 1));
}

bool SocketConnection::write(std::span<const Bytes> pieces) {
    Loop& l = loop();
    if (l.current != this || !has_scratch()) return queue_pieces(pieces);
    Scratch& s = l.scratch;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i].size() > Scratch::kSize - s.used) return spill(pieces.subspan(i));
        copy_bytes(s.bytes.data() + s.used, pieces[i].data(), pieces[i].size());
        s.used += pieces[i].size();
    }
    return true;
}

// More than the scratch takes: sends it and the pieces from where they lie, and queues what is left.
// Answers false even if all was taken, so that a handler that writes until told to stop does stop;
// on_drain follows.
bool SocketConnection::spill(std::span<const Bytes> pieces) {
    Scratch& s = loop().scratch;
    std::array<iovec, kPieces> batch;
    batch[0] = {s.bytes.data(), std::exchange(s.used, 0)};
    const std::size_t count = std::min(pieces.size(), kPieces - 1);
    for (std::size_t i = 0; i < count; ++i) {
        batch[i + 1] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
    }
    const ssize_t sent = send_pieces(fd_, batch.data(), count + 1);
    if (sent < 0 && !must_wait(errno)) {
        broken(std::error_code(errno, std::system_category()));
        return false;
    }
    auto taken = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    loop().stats.bytes_out += taken;
    for (std::size_t i = 0; i <= count; ++i) {
        const Bytes piece(static_cast<std::byte*>(batch[i].iov_base), batch[i].iov_len);
        const std::size_t skip = std::min(taken, piece.size());
        taken -= skip;
        if (!enqueue(piece.subspan(skip))) return false;
    }
    for (const Bytes piece : pieces.subspan(count)) {
        if (!enqueue(piece)) return false;
    }
    if (!queue().empty()) set(kBlocked);
    slot_.hold(Slot::Hold::backpressure);
    queued_more();
    return false;
}

// What there is no memory for costs the connection: the peer must not see a gap.
template <class Output>
bool SocketConnection::enqueue(Output&& output) noexcept {
    try {
        queue().append(std::forward<Output>(output));
        return true;
    } catch (const std::bad_alloc&) {
        abort(std::make_error_code(std::errc::not_enough_memory));
        return false;
    }
}

bool SocketConnection::may_write() const noexcept {
    return (flags_ & (kOpen | kNoWrite)) == kOpen;
}

bool SocketConnection::has_scratch() const noexcept {
    return (flags_ & (kOpen | kNoScratch)) == kOpen;
}

bool SocketConnection::queue_pieces(std::span<const Bytes> pieces) {
    if (!may_write() || slot_.ended()) return false;
    for (const Bytes piece : pieces) {
        if (!enqueue(piece)) return false;
    }
    return queued_more();
}

bool SocketConnection::write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) {
    if (!may_write() || slot_.ended()) return false;
    return queue_scratch() && enqueue(std::move(buffer)) && queued_more();
}

void SocketConnection::send_file(FileRange range) {
    if (!may_write() || slot_.ended() || range.length == 0) return;
    if (!queue_scratch() || !enqueue(std::move(range))) return;
    set(kFile);
    slot_.hold(Slot::Hold::backpressure);
    queued_more();
}

// What was gathered so far goes first.
bool SocketConnection::queue_scratch() {
    if (loop().current != this) return true;
    Scratch& s = loop().scratch;
    return enqueue(Bytes(s.bytes.data(), std::exchange(s.used, 0)));
}

// The marks, after every growth of the queue; false above the high one.
bool SocketConnection::queued_more() {
    if (!queue().empty()) set(kQueued);
    if (queue().size() > origin_.limits.max_queued) {
        abort(errc::write_queue_full);
        return false;
    }
    if (queue().size() > origin_.limits.high_water) slot_.hold(Slot::Hold::backpressure);
    if (has(kQueued) && cold().stalled_at == Clock::time_point::max()) {
        note_progress();
    }
    request(0);
    return !slot_.held(Slot::Hold::backpressure);
}

void SocketConnection::note_progress() {
    const auto timeout = origin_.limits.write_stall_timeout;
    if (timeout.count() == 0) return;
    Cold& c = cold();
    c.stalled_at = has(kQueued) ? Loop::in(timeout) : Clock::time_point::max();
    schedule(c.stalled_at);
}

// What send(2) did not take of the scratch waits in the queue.
void SocketConnection::sent_short(ssize_t sent, std::size_t size) {
    if (sent < 0 && !must_wait(errno)) {
        return broken(std::error_code(errno, std::system_category()));
    }
    const auto taken = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    loop().stats.bytes_out += taken;
    if (!enqueue(Bytes(loop().scratch.bytes.data(), size).subspan(taken))) return;
    set(kBlocked | kAttention);
    queued_more();
}

// Sends from the queue until it is empty or the socket takes no more, at most read_budget bytes a
// turn: a file to a fast peer is not to keep the others waiting either.
void SocketConnection::flush() {
    std::size_t budget = origin_.limits.read_budget;
    bool progress = false;
    while (has(kQueued) && !has(kBlocked | kAborting)) {
        std::size_t offered = 0;
        const ssize_t sent = send_front(offered);
        if (sent > 0) {
            const auto taken = static_cast<std::size_t>(sent);
            queue().consume(taken);
            if (queue().empty()) clear(kQueued | kFile);
            loop().stats.bytes_out += taken;
            progress = true;
            if (taken < offered) set(kBlocked);
            if (taken >= budget) break;
            budget -= taken;
        } else if (sent == 0) {
            set(kReset);
            broken(errc::file_too_short);
        } else if (must_wait(errno)) {
            set(kBlocked);
        } else {
            broken(std::error_code(errno, std::system_category()));
        }
    }
    if (!progress) return;
    note_progress();
    if (has(kTimed)) note_activity();
}

ssize_t SocketConnection::send_front(std::size_t& offered) {
    if (const FileRange* file = queue().front_file()) {
        offered = std::min<std::uint64_t>(file->length, origin_.limits.read_budget);
        return platform::send_file(fd_, file->file->fd(), file->offset, offered);
    }
    std::array<iovec, kPieces> batch;
    const std::size_t count = queue().gather(batch.data(), batch.size());
    for (std::size_t i = 0; i < count; ++i) offered += batch[i].iov_len;
    return send_pieces(fd_, batch.data(), count);
}

// The socket failed. Told here, acted on in attend(): this may be in the middle of a callback.
void SocketConnection::broken(std::error_code why) {
    if (has(kAborting | kClosed)) return;
    slot_.end();
    const bool told = has(kClosing) && reason();  // what the handler closed it for says more
    if (!told) set_reason(why ? why : std::make_error_code(std::errc::connection_reset));
    set(kAborting | kAttention);
}

Result<void> SocketConnection::send_rights(Bytes bytes, std::span<const int> descriptors) {
    const auto sent = detail::send_rights(fd_, bytes, descriptors);
    if (!sent) return tl::unexpected(sent.error());
    write(bytes.subspan(*sent));
    return {};
}

void SocketConnection::shutdown_write() {
    if (!may_write() || slot_.ended()) return;
    request(kShutdown);
}

void SocketConnection::close(std::error_code reason) {
    if (has(kClosing | kAborting | kClosed)) return;
    slot_.end();
    if (reason) set_reason(reason);
    request(kClosing);
}

void SocketConnection::abort(std::error_code reason) {
    if (has(kAborting | kClosed)) return;
    slot_.end();
    set_reason(reason);
    if (loop().current == this) loop().scratch.used = 0;
    request(kAborting | kReset);
}

}  // namespace switchboard::detail
