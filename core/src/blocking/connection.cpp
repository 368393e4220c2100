#include "connection.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include "../options.hpp"

namespace switchboard::detail {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDoze{250};

}  // namespace

BlockingConnection::BlockingConnection(Socket socket, std::unique_ptr<Protocol> protocol,
                                       const Limits& limits, const Workspace& workspace,
                                       ConnectionId id, Ending* ending)
    : Transport(std::move(protocol), limits),
      socket_(std::move(socket)),
      limits_(limits),
      workspace_(workspace),
      id_(id),
      ending_(ending),
      peer_(socket_.fd(), ::getpeername),
      local_(socket_.fd(), ::getsockname) {}

void BlockingConnection::serve() try {
    if (ending_ != nullptr) {
        ending_->enter(fd());
        const auto doze = std::clamp(limits_.drain_idle, milliseconds(1), kDoze);
        set_timeout(fd(), SO_RCVTIMEO, doze);  // or a stop would be heard of late
    }
    opened();
    while (!is_closed()) turn();
} catch (const std::bad_alloc&) {  // not in a callback, which answers for itself
    fail_out_of_memory();
}

void BlockingConnection::turn() {
    if (told()) {
        set(kReset);
        return end_lost(errc::stopping);
    }
    if (ending_ != nullptr && ending_->draining()) stop();
    if (has(kListed)) end_of_turn();
    if (!is_closed()) wait();
}

// Waits for whatever comes first, and handles it. A deadline that is due again and again does not keep the
// socket from being looked at.
void BlockingConnection::wait() {
    const auto until = has(kListed) ? kAtOnce : std::min(next_timeout(), give_up_);
    const int in = wants_input() ? POLLIN : 0, out = has(kQueued) ? POLLOUT : 0;
    const auto events = static_cast<short>(in | out);
    if (events == POLLIN && until == kNever && !dozes_) return receive(0);
    const bool may_stop = ending_ != nullptr && !slot_.stopping() && !slot_.ended();
    pollfd entries[] = {{mute_ && events == 0 ? -1 : fd(), events, 0},
                        {ending_ != nullptr ? ending_->fd() : -1, POLLIN, 0},
                        {may_stop ? ending_->drain_fd() : -1, POLLIN, 0}};
    wait_for(entries, until);
    const int ready = entries[1].revents == 0 ? entries[0].revents : 0;
    if ((ready & POLLOUT) != 0) writable();
    if ((ready & (POLLIN | POLLERR | POLLHUP)) != 0 && !is_closed())
        wants_input() ? receive(MSG_DONTWAIT) : hung_up();
    const auto now = Clock::now();
    if (next_timeout() <= now && !is_closed()) expired(now);
    if (is_closed() || give_up_ > now) return;
    set(kReset);
    end_lost(std::make_error_code(std::errc::timed_out));
}

void BlockingConnection::receive(int flags) {
    const MutableBytes in = workspace_.in();
    const ssize_t got = ::recv(fd(), in.data(), in.size(), flags);
    if (got > 0) [[likely]] {
        dozes_ = false;
        return received(in.first(static_cast<std::size_t>(got)));
    }
    const int error = errno;
    if (told()) return;  // the end was made by shutdown(2)
    if (got == 0) return received_eof();
    if (error == EAGAIN || error == EWOULDBLOCK) {
        dozes_ = flags == 0;
    } else if (error != EINTR) {
        end_lost({error, std::system_category()});
    }
}

void BlockingConnection::end_lost(std::error_code why) {
    lost(why);
    settle();
}

// Nothing is to be read, and both ways are shut or the peer is lost. If it was shut in good order, only a
// timer or what waits to be sent brings the handler back.
void BlockingConnection::hung_up() {
    if (const auto error = socket_.take_error()) return end_lost(error);
    if (next_timeout() == kNever && !has(kQueued)) return end_lost({});
    mute_ = true;
}

void BlockingConnection::ask() {
    if (wants_input()) receive(MSG_DONTWAIT);
    if (!is_closed()) offer_again();
}

// ---- what is written

void BlockingConnection::end_callback() {
    clear(kEntered);
    send_scratch(workspace_.out());
}

Transport::Sent BlockingConnection::transmit(const iovec* pieces, std::size_t count) {
    return stream_wire::send(fd(), pieces, count, MSG_DONTWAIT);
}

Transport::Sent BlockingConnection::transmit_file(const FileRange& range, std::uint64_t most) {
    const NonBlocking guard(fd());  // sendfile(2) has no flag for it
    return stream_wire::send_file(fd(), range, most);
}

// The thread has nothing else to do than to wait, unless the handler wants to read meanwhile: two of those
// that both send before they read would wait for each other.
void BlockingConnection::relieve() {
    flush_all();
    if (slot_.protocol()->reads_when_full()) return;
    auto late = in(limits_.write_stall_timeout);
    while (is_over_full() && !slot_.ended()) {
        const std::size_t before = queued();
        if (!wait_for_room(std::min(late, give_up_))) return;
        flush_all();
        if (has(kQueued) && queued() < before) late = in(limits_.write_stall_timeout);
    }
}

// Within a callback, where nothing else ends the wait; false if the connection was given up.
bool BlockingConnection::wait_for_room(Clock::time_point until) {
    pollfd entries[] = {{fd(), POLLOUT, 0}, {ending_ != nullptr ? ending_->fd() : -1, POLLIN, 0}};
    wait_for(entries, std::min(until, ends_by()));
    const auto now = Clock::now();
    auto why = entries[1].revents != 0 ? make_error_code(errc::stopping) : over(now);
    if (!why && entries[0].revents != 0) return true;
    if (!why && now >= until)
        why = now >= give_up_ ? make_error_code(std::errc::timed_out) : errc::write_stalled;
    if (why) abort(why);
    return !why;
}

// ---- the end

void BlockingConnection::end(std::error_code reason, bool reset) {
    close_reason_ = reason;
    failure_ = innermost().failure();
    if (ending_ != nullptr) ending_->leave(fd());
    if (reset) socket_.reset_on_close();
    socket_.close();
    closed(reason);
}

}  // namespace switchboard::detail
