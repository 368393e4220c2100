// The sending half of BlockingConnection.
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../platform/platform.hpp"
#include "connection.hpp"

namespace switchboard::detail {
namespace {

iovec as_iovec(Bytes bytes) {
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

ssize_t send_both(int fd, Bytes first, Bytes second) {
    constexpr int flags = platform::kSendFlags | MSG_DONTWAIT;
    if (second.empty()) return ::send(fd, first.data(), first.size(), flags);
    iovec parts[] = {as_iovec(first), as_iovec(second)};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    return ::sendmsg(fd, &message, flags);
}

void take(Bytes& bytes, std::size_t& count) {
    const std::size_t taken = std::min(count, bytes.size());
    bytes = bytes.subspan(taken);
    count -= taken;
}

}  // namespace

std::size_t BlockingConnection::room() const noexcept {
    const MutableBytes out = workspace_.out();
    if (!spilled_.empty()) return 0;
    if (queue_.empty()) return out.size();
    return static_cast<std::size_t>(out.data() + out.size() - (queue_.data() + queue_.size()));
}

void BlockingConnection::append(Bytes piece) {
    const MutableBytes out = workspace_.out();
    if (piece.empty()) return;
    if (queue_.empty()) queue_ = out.first(0);
    const auto end = static_cast<std::size_t>(queue_.data() + queue_.size() - out.data());
    std::memcpy(out.data() + end, piece.data(), piece.size());
    queue_ = {queue_.data(), queue_.size() + piece.size()};
}

// What does not fit into the buffer: sent at once, with what is there. Answering false makes a
// handler that writes until it is told to stop come back to its input; on_drain follows.
void BlockingConnection::push(Bytes piece) {
    if (!reads_on()) return transmit(queue_, piece, kNever);
    slot_.hold(Slot::Hold::backpressure);
    if (spilled_.empty()) transmit(queue_, piece, kAtOnce);
    if (!dropped_ && !piece.empty()) spill(piece);
}

void BlockingConnection::spill(Bytes piece) {
    const std::size_t size = queue_.size() + piece.size();
    if (size > limits_.max_queued) return abort(errc::write_queue_full);
    if (spilled_.size() / 2 >= queue_.size() || spilled_.empty()) {  // mostly what was sent already
        spilled_ = std::vector<std::byte>(queue_.begin(), queue_.end());
        queue_ = spilled_;
    }
    spilled_.insert(spilled_.end(), piece.begin(), piece.end());
    queue_ = Bytes(spilled_).last(size);
}

void BlockingConnection::flush(Clock::time_point until) {
    Bytes nothing;
    transmit(queue_, nothing, until);
}

// Sends both, one after the other, until all is taken, `until` has come or the connection is lost.
// The arguments are left with what was not sent.
void BlockingConnection::transmit(Bytes& first, Bytes& second, Clock::time_point until) {
    while (!dropped_ && (!first.empty() || !second.empty())) {
        const ssize_t sent = send_both(socket_.fd(), first, second);
        if (sent < 0) {
            if (!retry_send(until)) return;
            continue;
        }
        note_progress();
        auto count = static_cast<std::size_t>(sent);
        take(first, count);
        take(second, count);
    }
    if (queue_.empty() && !spilled_.empty()) spilled_ = std::vector<std::byte>();
}

void BlockingConnection::send_some(FileRange& range) {
    constexpr std::uint64_t most = 1U << 30U;
    const auto count = static_cast<std::size_t>(std::min(range.length, most));
    const ssize_t sent = platform::send_file(socket_.fd(), range.file->fd(), range.offset, count);
    if (sent == 0) return fail(errc::file_too_short);
    if (sent < 0) {
        retry_send(kNever);
        return;
    }
    note_progress();
    range.offset += static_cast<std::uint64_t>(sent);
    range.length -= static_cast<std::uint64_t>(sent);
}

void BlockingConnection::note_progress() {
    stalled_at_ = kNever;
    if (timeouts_.any() && !slot_.ended()) timeouts_.sent(Clock::now());
}

// After a send that failed: whether to try again. Waits for room where the peer has none.
bool BlockingConnection::retry_send(Clock::time_point until) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        lose(errno);
        return false;
    }
    // A deadline between two sends does not give the peer more time.
    if (stalled_at_ == kNever) stalled_at_ = in(limits_.write_stall_timeout);
    if (await(POLLOUT, std::min({until, stalled_at_, give_up_, timeouts_.due()}))) return true;
    const auto why = timeouts_.over(Clock::now());
    if (why && until == kNever) {  // within a callback, where nothing else ends the wait
        fail(why);
    } else {
        check_patience();
    }
    return false;
}

void BlockingConnection::check_patience() {
    const auto now = Clock::now();
    if (now >= give_up_)
        fail(give_up_reason_);
    else if (now >= stalled_at_)
        fail(errc::write_stalled);
}

// False if `until` came first, the server drains and the handler may be told so now, or it ends its
// connections.
bool BlockingConnection::await(short events, Clock::time_point until) {
    const bool may_stop =
        ending_ != nullptr && !slot_.stopping() && !slot_.running() && !slot_.ended();
    pollfd entries[] = {{hung_up_ && events == 0 ? -1 : socket_.fd(), events, 0},
                        {ending_ != nullptr ? ending_->fd() : -1, POLLIN, 0},
                        {may_stop ? ending_->drain_fd() : -1, POLLIN, 0}};
    if (until <= Clock::now()) return false;
    const bool ready = wait_for(entries, until);
    if (entries[1].revents == 0) return ready && entries[0].revents != 0;
    fail(errc::stopping);
    return false;
}

}  // namespace switchboard::detail
