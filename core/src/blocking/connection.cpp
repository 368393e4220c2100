#include "connection.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>

#include "../options.hpp"
#include "../platform/platform.hpp"

namespace switchboard::detail {
namespace {

SocketAddress address_of(int fd, int (*name)(int, sockaddr*, socklen_t*)) {
    SocketAddress address;
    return name(fd, address.data(), address.capacity()) == 0 ? address : SocketAddress();
}

constexpr std::chrono::milliseconds kDoze{250};

const Endpoint& printed(std::optional<Endpoint>& known, const SocketAddress& address) {
    if (!known) known = Endpoint::from(address);
    return *known;
}

}  // namespace

Workspace::Workspace()
    : in_(std::make_unique_for_overwrite<std::byte[]>(kSize)),
      out_(std::make_unique_for_overwrite<std::byte[]>(kSize)) {}

BlockingConnection::BlockingConnection(Socket socket, std::unique_ptr<Protocol> protocol,
                                       const Limits& limits, const Workspace& workspace,
                                       ConnectionId id, Ending* ending)
    : socket_(std::move(socket)),
      slot_(std::move(protocol), limits.max_unread),
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

void BlockingConnection::serve() {
    try {
        if (ending_ != nullptr) {
            ending_->enter(socket_.fd());
            using std::chrono::milliseconds;
            const auto doze = std::clamp(limits_.drain_idle, milliseconds(1), kDoze);
            set_timeout(socket_.fd(), SO_RCVTIMEO, doze);  // or a stop would be heard of late
        }
        if (timeouts_.any()) timeouts_.opened(Clock::now());
        slot_.open(*this);
        while (!slot_.ended()) turn();
        finish();
    } catch (const std::bad_alloc&) {  // not in a callback, which answers for itself
        fail(std::make_error_code(std::errc::not_enough_memory));
        finish();
    }
    if (ending_ != nullptr) ending_->leave(socket_.fd());
    socket_.close();
    slot_.close(reason_);
}

// Sends what the last callback wrote, then makes the next one happen.
void BlockingConnection::turn() {
    const bool waits = !reads_on();
    flush(waits ? wakes_at() : kAtOnce);
    if (slot_.ended()) return;
    if (drains()) return tell_stop();
    if (waits && !queue_.empty()) return wake();
    if (fin_ && !fin_sent_ && queue_.empty()) send_fin();
    // Nothing can be read or written any more.
    if (eof_ && fin_sent_ && slot_.saw_eof()) return close({});
    if (told()) return fail(errc::stopping);
    if (std::exchange(resumed_, false)) return slot_.resume(*this);
    // After a switch the next protocol is told as well.
    if (eof_ && !slot_.saw_eof() && !slot_.held()) return slot_.eof(*this);
    if (!queue_.empty() || slot_.held(Slot::Hold::backpressure)) return both_ways();
    if (slot_.held() || eof_) return rest();
    const auto until = wakes_at();
    if ((dozes_ || until != kNever) && !await(POLLIN, until)) return wake();
    receive();
}

void BlockingConnection::receive(int flags) {
    const MutableBytes in = workspace_.in();
    const ssize_t got = ::recv(socket_.fd(), in.data(), in.size(), flags);
    if (got > 0) [[likely]] {
        // Before, for what the handler may wait for itself; and afterwards: the time that it takes is
        // not the peer's.
        if (timeouts_.any()) timeouts_.received(Clock::now());
        dozes_ = false;
        slot_.data(*this, in.first(static_cast<std::size_t>(got)));
        if (timeouts_.any() && !slot_.ended()) timeouts_.received(Clock::now());
        return;
    }
    const int error = errno;
    if (told()) return fail(errc::stopping);
    if (got == 0) {
        eof_ = true;
    } else if (error == EAGAIN || error == EWOULDBLOCK) {
        dozes_ = flags == 0;
    } else if (error != EINTR) {
        lose(error);
    }
}

// The peer takes less than the handler writes, and the handler reads on: waits for what comes first.
// A peer that takes all at once must not keep the handler from its input, nor from its deadline.
void BlockingConnection::both_ways() {
    if (wakes_at() <= Clock::now()) return wake();
    const bool reads = !slot_.held() && !eof_;
    const bool drained = slot_.held(Slot::Hold::backpressure) && queue_.size() <= limits_.low_water;
    const short events = reads ? POLLIN | POLLOUT : POLLOUT;
    if (!drained && !await(events, std::min({wakes_at(), stalled_at_, give_up_})))
        return check_patience();
    if (reads) receive(MSG_DONTWAIT);
    if (!drained || slot_.ended() || queue_.size() > limits_.low_water) return;
    slot_.release(Slot::Hold::backpressure);
    slot_.drain(*this);
}

// The handler wants no bytes, or there are no more: only its deadline can bring it back, or the
// loss of the peer.
void BlockingConnection::rest() {
    if (!await(0, wakes_at())) return wake();
    if (const auto error = socket_.take_error()) return lose(error.value());
    // Shut both ways in good order. A handler without a deadline could never be called again.
    if (deadline_ == kNever) return lose(ECONNRESET);
    hung_up_ = true;
}

// What was waited for has come, or the server ends its connections.
void BlockingConnection::wake() {
    if (slot_.ended()) return;
    const auto now = Clock::now();
    if (const auto why = timeouts_.over(now)) {
        // What came while the handler was busy was in time.
        if (why != errc::lifetime_over && !slot_.held() && readable()) return receive();
        return close(why);
    }
    if (timeouts_.quiet(now)) return end_quiet(now);
    if (deadline_ > now) return;
    deadline_ = kNever;
    slot_.deadline(*this);
}

bool BlockingConnection::drains() const noexcept {
    return ending_ != nullptr && ending_->draining() && !slot_.stopping();
}

void BlockingConnection::tell_stop() {
    slot_.stop(*this);
    if (slot_.ended()) return;
    if (timeouts_.any()) return timeouts_.drain(timeouts_.moved_at());
    const std::chrono::milliseconds quiet(platform::quiet_for(socket_.fd()));
    timeouts_.drain(Clock::now() - std::clamp(quiet, decltype(quiet)::zero(), limits_.drain_idle));
}

// While it drains: nothing came or went for drain_idle.
void BlockingConnection::end_quiet(Clock::time_point now) {
    if (!slot_.held() && readable()) return receive();
    if (slot_.is_idle() && queue_.empty()) return close({});
    timeouts_.stay(now);
}

bool BlockingConnection::readable() const noexcept {
    pollfd entry{socket_.fd(), POLLIN, 0};
    return !eof_ && ::poll(&entry, 1, 0) > 0;
}

void BlockingConnection::send_fin() {
    ::shutdown(socket_.fd(), SHUT_WR);
    fin_sent_ = true;
}

void BlockingConnection::finish() {
    flush(kNever);
    if (!dropped_ && lingers_ && !eof_) linger();
    if (dropped_) socket_.reset_on_close();
}

// To close with input unread would reset the connection and may destroy, at the peer, the reply
// that is still on its way there; so does input that comes later, from a peer that had more to say
// than was used. So: FIN first, then read on until the peer has seen it and ends too.
void BlockingConnection::linger() {
    int unread = 0;
    ::ioctl(socket_.fd(), FIONREAD, &unread);
    if (unread == 0 && slot_.unread() == 0 && !slot_.cut_short()) return;
    ::shutdown(socket_.fd(), SHUT_WR);
    const MutableBytes in = workspace_.in();
    while (await(POLLIN, give_up_) && ::recv(socket_.fd(), in.data(), in.size(), 0) > 0) {
    }
}

bool BlockingConnection::write(std::span<const Bytes> pieces) {
    for (Bytes piece : pieces) {
        if (!may_write()) return false;
        piece.size() <= room() ? append(piece) : push(piece);
    }
    return may_write() && !slot_.held(Slot::Hold::backpressure);
}

bool BlockingConnection::write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) {
    const Bytes piece(*buffer);
    return write(std::span<const Bytes>(&piece, 1));
}

void BlockingConnection::send_file(FileRange range) {
    if (!may_write()) return;
    flush(kNever);
    const NonBlocking guard(socket_.fd());  // sendfile(2) has no flag for it
    while (range.length > 0 && !dropped_) send_some(range);
}

void BlockingConnection::close(std::error_code reason) {
    if (slot_.ended()) return;
    slot_.end();
    timeouts_.ended();
    reason_ = reason;
    const auto late = in(limits_.close_timeout);
    if (late >= give_up_) return;
    give_up_ = late;
    give_up_reason_ = errc::close_timed_out;
}

void BlockingConnection::abort(std::error_code reason) {
    if (dropped_) return;
    reason_ = reason;
    dropped_ = true;
    queue_ = {};
    spilled_ = std::vector<std::byte>();
    slot_.end();
}

void BlockingConnection::resume_reading() {
    if (!slot_.held(Slot::Hold::handler)) return;
    slot_.release(Slot::Hold::handler);
    resumed_ = true;
}

const Endpoint& BlockingConnection::peer() const {
    return printed(peer_, peer_address_);
}

const Endpoint& BlockingConnection::local() const {
    return printed(local_, local_address_);
}

void BlockingConnection::fail(std::error_code why) {
    abort(reason_ ? reason_ : why);
}

// EPIPE and ECONNRESET are the same event, seen from the sending and the receiving side.
void BlockingConnection::lose(int error) {
    if (told()) return fail(errc::stopping);
    fail({error == EPIPE ? ECONNRESET : error, std::system_category()});
}

}  // namespace switchboard::detail
