#include "socket_connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "connecting.hpp"
#include "loop/loop.hpp"
#include "net/fd_passing.hpp"
#include "net/socket_options.hpp"
#include "platform/platform.hpp"
#include "platform/poll_set.hpp"
#include "platform/probes.hpp"
#include "stream/protocol_runner_data.hpp"

namespace switchboard::detail {

SocketConnection::SocketConnection(std::uint32_t slot, ConnectionGroup& group,
                                   std::unique_ptr<Protocol> protocol)
    : Transport(std::move(protocol), group.limits), WheelNode(Kind::connection), group_(group) {
    number_ = slot;
    opened_at_ = loop().tick();
}

SocketConnection::~SocketConnection() = default;

SocketConnection::RareState& SocketConnection::rare_state() const {
    return static_cast<RareState&>(Transport::rare_state());
}

Transport::RareState* SocketConnection::make_rare_state() const {
    return make_in<RareState>(memory());
}

// Runs a callback and sends its output in one system call. Its other requests are in the flags; settle()
// carries them out later.
template <class Callback>
[[gnu::always_inline]] inline void SocketConnection::dispatch(Loop& l, Callback&& callback) {
    l.current = this;
    callback();
    l.current = nullptr;
    l.last = this;
    const std::size_t size = l.cork_buffer.used;
    if (size == 0) [[unlikely]]
        return;
    l.cork_buffer.used = 0;
    const ssize_t sent = ::send(fd_, l.cork_buffer.bytes.data(), size, platform::kSendFlags);
    if (sent != static_cast<ssize_t>(size)) [[unlikely]]
        return sent_less(sent, size);
    l.stats.bytes_out += size;
}

[[gnu::noinline]] void SocketConnection::sent_less(ssize_t sent, std::size_t size) {
    sent_short(counted(stream_wire::as_sent(sent, size)), {loop().cork_buffer.bytes.data(), size});
}

void SocketConnection::begin_callback() {
    loop().current = this;
}

// For all callbacks except on_data.
void SocketConnection::end_callback() {
    Loop& l = loop();
    l.current = nullptr;
    l.last = this;
    send_corked(l.cork_buffer);
    l.after_callback(*this);
}

// The same as ProtocolRunner::data() for a runner that is plain, with the rare cases moved to functions.
[[gnu::always_inline]] inline void SocketConnection::offer_plain(Loop& l, std::size_t size) {
    l.stats.bytes_in += size;
    dispatch(l, [&] {
        std::size_t used = 0;
        try {
            used = ProtocolRunnerData::call(runner_, *this, l.input(size));
        } catch (...) {
            return ProtocolRunnerData::caught(runner_, *this);
        }
        if (used != size || !ProtocolRunnerData::plain(runner_)) offer_rest(size, used);
    });
}

void SocketConnection::offer(Loop& l, std::size_t size) {
    if (ProtocolRunnerData::plain(runner_)) return offer_plain(l, size);
    l.stats.bytes_in += size;
    dispatch(l, [&] { ProtocolRunnerData::otherwise(runner_, *this, l.input(size)); });
}

[[gnu::noinline]] void SocketConnection::offer_rest(std::size_t size, std::size_t used) {
    ProtocolRunnerData::rest(runner_, *this, loop().input(size), used);
}

// A read that does not fill the buffer has nearly always emptied the socket. So there is no second read to
// make sure; events are level-triggered.
[[gnu::always_inline]] inline void SocketConnection::read_plain(Loop& l) {
    const ssize_t got = ::recv(fd_, l.read_buffer->data(), Loop::kReadBuffer, 0);
    if (static_cast<std::size_t>(got) - 1 >= Loop::kReadBuffer - 1) [[unlikely]]
        return read_more(got);
    offer_plain(l, static_cast<std::size_t>(got));
    if (has(kAttention | kTimed | kSpilled)) [[unlikely]]
        after_read();
}

void SocketConnection::read_ready() {
    read_more(::recv(fd_, loop().read_buffer->data(), Loop::kReadBuffer, 0));
}

void SocketConnection::read_more(ssize_t got) {
    Loop& l = loop();
    std::size_t total = 0;
    while (got > 0) {
        offer(l, static_cast<std::size_t>(got));
        after_read();
        total += static_cast<std::size_t>(got);
        if (is_closed() || got < static_cast<ssize_t>(Loop::kReadBuffer)) return;
        if (total >= group_.limits.read_budget || !wants_input()) return;
        got = ::recv(fd_, l.read_buffer->data(), Loop::kReadBuffer, 0);
    }
    if (got == 0) return received_eof();
    const int error = errno;
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return;
    lost({error, std::system_category()});
    settle();
}

// The runner is plain only while the connection is open and reading.
void SocketConnection::on_poll(uv_poll_t* handle, int status, int events) {
    auto& self = *static_cast<SocketConnection*>(handle->data);
    if (events != UV_READABLE) [[unlikely]]
        return self.other_event(status, events);
    Loop& l = self.loop();
    if (!l.clock_is_fresh() || !ProtocolRunnerData::plain(self.runner_)) [[unlikely]]
        return self.other_event(0, UV_READABLE);
    try {
        self.read_plain(l);
    } catch (const std::bad_alloc&) {
        self.out_of_memory();
    }
}

// The events of a turn are fetched together. So an event may be one that is no longer wanted, or belong to an
// earlier connection with the same descriptor. libuv reports POLLERR as a failed watch and stops it. A read
// returns the error; while reading is paused, hung_up() gets it from the socket.
void SocketConnection::other_event(int status, int events) try {
    if (!loop().clock_is_fresh()) loop().run_due_timers();
    if (is_closed()) return;
    const bool failed = status < 0;
    const bool unwanted = failed || interest_ == Watches::kErrors;
    if (failed) interest_ = 0;
    if ((events & UV_WRITABLE) != 0) writable();
    if (is_closed()) return;
    if (((events & UV_READABLE) != 0 || failed) && wants_input()) {
        read_ready();
    } else if (unwanted) {
        hung_up(failed);
    }
    if (!is_closed()) settle();
} catch (const std::bad_alloc&) {
    out_of_memory();
}

// An event came while no input is wanted. Either the peer is lost, or the event was for an earlier connection
// with the same descriptor, or both directions are shut or urgent data has come, which is reported again and
// again.
void SocketConnection::hung_up(bool failed) {
    if (const auto error = take_error(fd_)) return lost(error);
    pollfd now{fd_, platform::kChangesPollSet ? short{0} : short{POLLPRI}, 0};
    if (::poll(&now, 1, 0) <= 0) return;
    failed && (now.revents & POLLERR) != 0 ? lost({}) : set(kMuted);
}

void SocketConnection::out_of_memory() noexcept {
    loop().current = nullptr;
    loop().cork_buffer.used = 0;
    fail_out_of_memory();
}

void SocketConnection::ask() {
    if (wants_input()) read_ready();
    if (!is_closed()) offer_again();
}

// ---- the wire

CorkBuffer* SocketConnection::cork_buffer() const noexcept {
    return entered() ? &loop().cork_buffer : nullptr;
}

bool SocketConnection::entered() const noexcept {
    return loop().current == this;
}

// The case that must be cheap is one small piece written in the connection's own callback. An empty piece
// takes the other path.
bool SocketConnection::write(Bytes piece) {
    Loop& l = loop();
    if (l.current != this || !can_cork()) [[unlikely]]
        return write_otherwise(piece);
    std::byte* const to = l.cork_buffer.bytes.data() + l.cork_buffer.used;
    const std::size_t used = l.cork_buffer.used + piece.size();
    if (used > CorkBuffer::kSize || piece.size() - 1 >= CorkBuffer::kLarge - 1) [[unlikely]]
        return write_large(piece);
    l.cork_buffer.used = used;
    std::memcpy(to, piece.data(), piece.size());
    return true;
}

// Sends the first piece of a callback at once, as Transport would, with a third of the instructions.
[[gnu::noinline]] bool SocketConnection::write_large(Bytes piece) {
    const bool fits = piece.size() >= CorkBuffer::kLarge && piece.size() <= CorkBuffer::kSize;
    if (!fits || loop().cork_buffer.used > 0 || has(kSpilled | kTimed))
        return write_otherwise(piece);
    set(kSpilled);
    const iovec all{const_cast<std::byte*>(piece.data()), piece.size()};
    const Sent sent = counted(stream_wire::send(fd_, &all, 1));
    if (sent.bytes < piece.size()) sent_short(sent, all);
    return !runner_.held(ProtocolRunner::Hold::backpressure) && !runner_.ended();
}

Transport::Sent SocketConnection::counted(const Sent& sent) noexcept {
    loop().stats.bytes_out += sent.bytes;
    return sent;
}

Transport::Sent SocketConnection::transmit(const iovec* pieces, std::size_t count) {
    return counted(stream_wire::send(fd_, pieces, count));
}

Transport::Sent SocketConnection::transmit_file(const FileRange& range, std::uint64_t most) {
    return counted(stream_wire::send_file(fd_, range, most));
}

Result<void> SocketConnection::send_rights(Bytes bytes, std::span<const int> descriptors) {
    const auto sent = detail::send_rights(fd_, bytes, descriptors);
    if (!sent) return tl::unexpected(sent.error());
    write(bytes.subspan(*sent));
    return {};
}

// Errors are watched for even if no other event is, so that a reset is noticed.
unsigned SocketConnection::wanted() const noexcept {
    const unsigned in = wants_input() ? unsigned{UV_READABLE} : 0;
    const unsigned events = in | (wants_output() ? unsigned{UV_WRITABLE} : 0);
    return events == 0 && !has(kMuted) ? unsigned{Watches::kErrors} : events;
}

void SocketConnection::update_interest() {
    const unsigned now = wanted();
    if (now == interest_) return;
    Watches& watches = loop().watches;
    const bool started = std::exchange(interest_, static_cast<std::uint8_t>(now)) != 0;
    if (now == 0) return watches.stop(fd_);
    const auto events = static_cast<int>(now);
    const auto error =
        started ? watches.change(fd_, events, on_poll) : watches.start(fd_, events, on_poll, this);
    if (!error) return;
    lost(error);
    at_end_of_turn(0);
}

void SocketConnection::schedule_end_of_turn() {
    loop().schedule_end_of_turn(*this);
}

void SocketConnection::process_pending() try { end_of_turn(); } catch (const std::bad_alloc&) {
    out_of_memory();
}

void SocketConnection::stop() {
    if (!group_.rejecting) Transport::stop();
}

void SocketConnection::arm(Clock::time_point when) {
    if (when != Clock::time_point::max()) loop().file_by(*this, loop().tick_at(when));
}

void SocketConnection::expire(Clock::time_point now) try {
    if (is(Phase::connecting)) return connecting().expired(now);
    expired(now);
} catch (const std::bad_alloc&) {
    out_of_memory();
}

// ---- the end

void SocketConnection::end(std::error_code reason, bool reset) {
    if (is_closed()) return;
    const linger off{1, 0};
    if (reset && fd_ >= 0) ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    Loop& l = loop();
    platform::probe_close(fd_, number_, reason.value());
    enter(Phase::closed);
    l.ended(*this, reason);
    const bool told = group_.connect && group_.connect->on_ended;
    const Error how = told ? ending(reason) : Error(reason);
    l.after_callback(*this);
    if (l.last == this) l.last = nullptr;
    CallbackInfo who = blame();
    who.what = "on_close";
    who.whose = nullptr;
    closed(reason);
    l.after_callback(who);
    if (told) l.guarded("on_ended", [&] { group_.connect->on_ended(how); });
    release_socket();
}

std::string SocketConnection::describe() const {
    return group_.connect ? "connection to " + group_.name
                          : "connection from " + made_peer().to_string();
}

std::size_t SocketConnection::queued_in_all() noexcept {
    const Connection* const top = topmost();
    return top != nullptr ? top->queued() : queued();
}

// Names the innermost protocol, and not a layer below it.
CallbackInfo SocketConnection::blame() const noexcept {
    const Protocol* const protocol = innermost().protocol();
    if (protocol == nullptr) return {.whose = this};
    return {.handler = &typeid(*protocol), .whose = this, .label = protocol->label()};
}

void SocketConnection::release_socket() {
    Loop& l = loop();
    l.wheel.remove(*this);
    if (rare_) rare_state().connecting.reset();
    if (fd_ >= 0) {
        l.watches.stop(fd_);
        ::close(std::exchange(fd_, -1));
    }
    l.gone(*this);
}

void SocketConnection::abandon() {
    if (is_closed()) return;
    enter(Phase::closed);
    drop_output();
    runner_ = ProtocolRunner(nullptr, 0);
    release_socket();
}

Clock::time_point SocketConnection::now() const {
    return loop().now();
}

SocketConnection::RareState::~RareState() = default;

Result<PeerCredentials> SocketConnection::peer_credentials() const {
    return detail::peer_credentials(fd_);
}

std::pmr::memory_resource* SocketConnection::memory() const noexcept {
    return loop().memory();
}

ConnectionId SocketConnection::id() const {
    return loop().connections.id(number_);
}

}  // namespace switchboard::detail
