#include "connection.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include "net/socket_options.hpp"

namespace switchboard::detail {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPollBeforeRecv{250};

}  // namespace

BlockingConnection::BlockingConnection(Socket socket, std::unique_ptr<Protocol> protocol,
                                       const ConnectionLimits& limits, const Workspace& workspace,
                                       ConnectionId id, ShutdownControl* shutdown)
    : Transport(std::move(protocol), limits),
      socket_(std::move(socket)),
      limits_(limits),
      workspace_(workspace),
      id_(id),
      shutdown_(shutdown),
      peer_(socket_.fd(), ::getpeername),
      local_(socket_.fd(), ::getsockname) {}

void BlockingConnection::serve() try {
    if (shutdown_ != nullptr) {
        shutdown_->enter(fd());
        const auto poll_before_recv =
            std::clamp(limits_.drain_idle_timeout, milliseconds(1), kPollBeforeRecv);
        set_timeout(fd(), SO_RCVTIMEO, poll_before_recv);  // otherwise a stop would be noticed late
    }
    opened();
    while (!is_closed()) turn();
} catch (const std::bad_alloc&) {  // outside of callbacks; inside they are caught there
    fail_out_of_memory();
}

void BlockingConnection::turn() {
    if (aborting()) {
        set(kReset);
        return end_lost(errc::stopping);
    }
    if (shutdown_ != nullptr && shutdown_->draining()) stop();
    if (has(kListed)) end_of_turn();
    if (!is_closed()) wait();
}

// Waits for the first event and handles it. The socket is checked each time, even if a deadline is due again
// and again.
void BlockingConnection::wait() {
    const auto until = has(kListed) ? kAtOnce : std::min(next_timeout(), give_up_);
    const int in = wants_input() ? POLLIN : 0, out = has(kQueued) ? POLLOUT : 0;
    const auto events = static_cast<short>(in | out);
    if (events == POLLIN && until == kNever && !poll_before_recv_) return receive(0);
    const bool may_stop = shutdown_ != nullptr && !runner_.stopping() && !runner_.ended();
    pollfd entries[] = {{mute_ && events == 0 ? -1 : fd(), events, 0},
                        {shutdown_ != nullptr ? shutdown_->fd() : -1, POLLIN, 0},
                        {may_stop ? shutdown_->drain_fd() : -1, POLLIN, 0}};
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
        poll_before_recv_ = false;
        return received(in.first(static_cast<std::size_t>(got)));
    }
    const int error = errno;
    if (aborting()) return;  // this EOF comes from shutdown(2), not from the peer
    if (got == 0) return received_eof();
    if (error == EAGAIN || error == EWOULDBLOCK) {
        poll_before_recv_ = flags == 0;
    } else if (error != EINTR) {
        end_lost({error, std::system_category()});
    }
}

void BlockingConnection::end_lost(std::error_code why) {
    lost(why);
    settle();
}

// No input is wanted, and both directions are shut or the peer is lost. After an orderly shutdown only a
// timer or queued output can call the handler again.
void BlockingConnection::hung_up() {
    if (const auto error = socket_.take_error()) return end_lost(error);
    if (next_timeout() == kNever && !has(kQueued)) return end_lost({});
    mute_ = true;
}

void BlockingConnection::ask() {
    if (wants_input()) receive(MSG_DONTWAIT);
    if (!is_closed()) offer_again();
}

// ---- output

void BlockingConnection::end_callback() {
    clear(kEntered);
    send_corked(workspace_.out());
}

Transport::Sent BlockingConnection::transmit(const iovec* pieces, std::size_t count) {
    return stream_wire::send(fd(), pieces, count, MSG_DONTWAIT);
}

Transport::Sent BlockingConnection::transmit_file(const FileRange& range, std::uint64_t most) {
    const NonBlocking guard(fd());  // sendfile(2) has no flag like MSG_DONTWAIT
    return stream_wire::send_file(fd(), range, most);
}

// Waits here, because the thread has nothing else to do. It must not wait if the handler reads under
// backpressure: two such handlers that both send before they read would wait for each other.
void BlockingConnection::relieve() {
    flush_all();
    if (runner_.protocol()->reads_under_backpressure()) return;
    auto late = in(limits_.write_stall_timeout);
    while (is_over_full() && !runner_.ended()) {
        const std::size_t before = queued();
        if (!wait_for_room(std::min(late, give_up_))) return;
        flush_all();
        if (has(kQueued) && queued() < before) late = in(limits_.write_stall_timeout);
    }
}

// Called within a callback, so every reason to end the wait is checked here. Returns false if the connection
// was aborted.
bool BlockingConnection::wait_for_room(Clock::time_point until) {
    pollfd entries[] = {{fd(), POLLOUT, 0},
                        {shutdown_ != nullptr ? shutdown_->fd() : -1, POLLIN, 0}};
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
    if (shutdown_ != nullptr) shutdown_->leave(fd());
    if (reset) socket_.reset_on_close();
    socket_.close();
    closed(reason);
}

}  // namespace switchboard::detail
