#include "connection.hpp"

#include <sys/ioctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "../options.hpp"
#include "../platform/platform.hpp"
#include "../send_pieces.hpp"

namespace switchboard::detail {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDoze{250};

SocketAddress address_of(int fd, int (*name)(int, sockaddr*, socklen_t*)) {
    SocketAddress address;
    return name(fd, address.data(), address.capacity()) == 0 ? address : SocketAddress();
}

// Without memory for the text it has no name.
const Endpoint& printed(std::optional<Endpoint>& known, const SocketAddress& address) noexcept {
    static const Endpoint nameless;
    try {
        if (!known) known = Endpoint::from(address);
        return *known;
    } catch (const std::bad_alloc&) {
        return nameless;
    }
}

std::error_code system_error(int error) noexcept {
    return {error, std::system_category()};
}

constexpr auto kClosed = Transport::Phase::closed;

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
      // Asked now: once the peer is gone the system knows them no more.
      peer_address_(address_of(socket_.fd(), ::getpeername)),
      local_address_(address_of(socket_.fd(), ::getsockname)) {}

void BlockingConnection::give_up_at(Clock::time_point when) {
    give_up_ = when;
    lingers_ = false;
}

void BlockingConnection::serve() try {
    if (ending_ != nullptr) {
        ending_->enter(socket_.fd());
        const auto doze = std::clamp(limits_.drain_idle, milliseconds(1), kDoze);
        set_timeout(socket_.fd(), SO_RCVTIMEO, doze);  // or a stop would be heard of late
    }
    opened();
    while (!is(kClosed)) turn();
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
    if (!is(kClosed)) wait();
}

// Waits for whatever comes first, and handles it. A deadline that is due again and again does not keep the
// socket from being looked at.
void BlockingConnection::wait() {
    const auto until = has(kListed) ? kAtOnce : std::min(next_timeout(), give_up_);
    const int in = wants_input() ? POLLIN : 0, out = has(kQueued) ? POLLOUT : 0;
    const auto events = static_cast<short>(in | out);
    if (events == POLLIN && until == kNever && !dozes_) return receive(0);
    const bool may_stop = ending_ != nullptr && !slot_.stopping() && !slot_.ended();
    pollfd entries[] = {{mute_ && events == 0 ? -1 : socket_.fd(), events, 0},
                        {ending_ != nullptr ? ending_->fd() : -1, POLLIN, 0},
                        {may_stop ? ending_->drain_fd() : -1, POLLIN, 0}};
    wait_for(entries, until);
    if (entries[1].revents == 0) handle(entries[0].revents);
    if (!is(kClosed)) look_at_clock();
}

void BlockingConnection::handle(short events) {
    if ((events & POLLOUT) != 0) writable();
    if (is(kClosed) || (events & (POLLIN | POLLERR | POLLHUP)) == 0) return;
    wants_input() ? receive(MSG_DONTWAIT) : hung_up();
}

void BlockingConnection::look_at_clock() {
    const auto now = Clock::now();
    if (next_timeout() <= now) expired(now);
    if (is(kClosed) || give_up_ > now) return;
    set(kReset);
    end_lost(std::make_error_code(std::errc::timed_out));
}

void BlockingConnection::receive(int flags) {
    const MutableBytes in = workspace_.in();
    const ssize_t got = ::recv(socket_.fd(), in.data(), in.size(), flags);
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
        end_lost(system_error(error));
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
    if (next_timeout() == kNever && !has(kQueued)) return end_lost(system_error(ECONNRESET));
    mute_ = true;
}

void BlockingConnection::ask() {
    if (wants_input()) receive(MSG_DONTWAIT);
    if (!is(kClosed)) offer_again();
}

bool BlockingConnection::input_waiting() const noexcept {
    int unread = 0;
    return ::ioctl(socket_.fd(), FIONREAD, &unread) == 0 && unread > 0;
}

milliseconds BlockingConnection::quiet_for() const noexcept {
    return milliseconds(platform::quiet_for(socket_.fd()));
}

// ---- what is written

void BlockingConnection::end_callback() {
    clear(kEntered);
    send_scratch(workspace_.out());
}

Transport::Sent BlockingConnection::transmit(const iovec* pieces, std::size_t count) {
    const auto sent = send_pieces(socket_.fd(), pieces, count, MSG_DONTWAIT);
    return as_sent(sent.answer, sent.size);
}

Transport::Sent BlockingConnection::transmit_file(const FileRange& range, std::uint64_t most) {
    const NonBlocking guard(socket_.fd());  // sendfile(2) has no flag for it
    const auto size = static_cast<std::size_t>(most);
    const ssize_t sent = platform::send_file(socket_.fd(), range.file->fd(), range.offset, size);
    return sent == 0 ? Sent{.error = errc::file_too_short} : as_sent(sent, size);
}

void BlockingConnection::transmit_fin() noexcept {
    ::shutdown(socket_.fd(), SHUT_WR);
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
    pollfd entries[] = {{socket_.fd(), POLLOUT, 0},
                        {ending_ != nullptr ? ending_->fd() : -1, POLLIN, 0}};
    wait_for(entries, std::min(until, ends_by()));
    const auto now = Clock::now();
    std::error_code why = over(now);
    if (entries[1].revents != 0) why = errc::stopping;
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
    if (ending_ != nullptr) ending_->leave(socket_.fd());
    if (reset) socket_.reset_on_close();
    socket_.close();
    closed(reason);
}

const Endpoint& BlockingConnection::peer() const {
    return printed(peer_, peer_address_);
}

const Endpoint& BlockingConnection::local() const {
    return printed(local_, local_address_);
}

}  // namespace switchboard::detail
