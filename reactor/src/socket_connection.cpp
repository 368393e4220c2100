#include "socket_connection.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "connecting.hpp"
#include "dispatch.hpp"
#include "loop.hpp"
#include "options.hpp"
#include "platform/probes.hpp"
#include "slot_data.hpp"

namespace switchboard::detail {

SocketConnection::SocketConnection(std::uint32_t slot, Loop& loop, Origin& origin,
                                   std::unique_ptr<Protocol> protocol)
    : WheelNode(Kind::connection),
      flags_(origin.limits.high_water < Scratch::kSize ? unsigned{kSmallMarks} : 0),
      slot_(std::move(protocol), origin.limits.max_unread),
      origin_(origin),
      slot_index_(slot),
      opened_at_(loop.tick()) {
    poll.data = &loop;
}

SocketConnection::~SocketConnection() = default;

std::size_t SocketConnection::queued() const noexcept {
    return cold_ ? cold_->queue.size() : 0;
}

SocketConnection& SocketConnection::of(PollHandle* handle) noexcept {
    return static_cast<SocketConnection&>(*handle);
}

SocketConnection::Cold& SocketConnection::cold() const {
    if (!cold_) cold_.reset(make_in<Cold>(memory()));
    return *cold_;
}

std::error_code SocketConnection::socket_error() const {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    return {error, std::system_category()};
}

MutableBytes SocketConnection::read_bytes(std::size_t size) const noexcept {
    return {loop().read_buffer.data(), size};
}

// Slot::data, but that what is rare is a call away and needs nothing but `this`: the fewer values
// live across the callback, the fewer registers are saved for each read.
[[gnu::always_inline]] inline void SocketConnection::offer(std::size_t size) {
    Loop& l = loop();
    l.stats.bytes_in += size;
    dispatch(l, [&] {
        if (!SlotData::plain(slot_)) return offer_otherwise(size);
        std::size_t used = 0;
        try {
            used = SlotData::call(slot_, *this, {l.read_buffer.data(), size});
        } catch (...) {
            return offer_caught();
        }
        if (used != size || !SlotData::plain(slot_)) offer_rest(size, used);
    });
}

[[gnu::noinline]] void SocketConnection::offer_otherwise(std::size_t size) {
    const bool ended = slot_.ended();
    SlotData::otherwise(slot_, *this, read_bytes(size));
    if (!ended && slot_.ended()) set(kUnread);
}

[[gnu::noinline]] void SocketConnection::offer_caught() noexcept {
    SlotData::caught(slot_, *this);
}

[[gnu::noinline]] void SocketConnection::offer_rest(std::size_t size, std::size_t used) {
    SlotData::rest(slot_, *this, read_bytes(size), used);
    if (used < size && slot_.ended()) set(kUnread);
}

// Level-triggered: a read that did not fill the buffer emptied the socket, as good as always, so
// there is no second one to make sure.
void SocketConnection::read_ready() try {
    const ssize_t got = ::recv(fd_, loop().read_buffer.data(), Loop::kReadBuffer, 0);
    if (static_cast<std::size_t>(got) - 1 >= Loop::kReadBuffer - 1) [[unlikely]]
        return read_more(got);
    offer(static_cast<std::size_t>(got));
    if (has(kAttention | kTimed)) [[unlikely]]
        after_read();
} catch (const std::bad_alloc&) {
    out_of_memory();
}

[[gnu::noinline]] void SocketConnection::after_read() {
    if (has(kTimed)) {
        clear(kAwaited);
        note_activity();
    }
    if (has(kAttention)) attend();
}

// From a read that filled the buffer, or ended, or failed.
void SocketConnection::read_more(ssize_t got) {
    std::size_t total = 0;
    while (got > 0) {
        offer(static_cast<std::size_t>(got));
        after_read();
        total += static_cast<std::size_t>(got);
        if (has(kClosed) || got < static_cast<ssize_t>(Loop::kReadBuffer)) return;
        if (total >= origin_.limits.read_budget || (wanted() & UV_READABLE) == 0) return;
        got = ::recv(fd_, loop().read_buffer.data(), Loop::kReadBuffer, 0);
    }
    read_ended(got);
}

void SocketConnection::on_poll(uv_poll_t* handle, int status, int events) {
    SocketConnection& self = of(reinterpret_cast<PollHandle*>(handle));
    if (events != UV_READABLE) [[unlikely]]
        return self.other_event(status, events);
    if (self.loop().keeps_time()) [[likely]]
        return self.read_ready();
    self.other_event(0, UV_READABLE);
}

// libuv reports POLLERR as a failed watch and stops it: read to learn what it was, or ask if reading
// is not wanted now.
void SocketConnection::other_event(int status, int events) try {
    if (!loop().keeps_time()) loop().keep_time();
    if (has(kClosed)) return;  // by its own deadline
    if (status < 0) interest_ = 0;
    if ((events & UV_WRITABLE) != 0) {
        clear(kBlocked);
        attend();
    }
    const bool readable = (events & UV_READABLE) != 0 || status < 0;
    if (readable && (wanted() & UV_READABLE) != 0 && !has(kClosed)) {
        read_ready();
    } else if (status < 0 && !has(kClosed)) {
        broken(socket_error());
    }
    if (status < 0 || has(kAttention)) attend();
} catch (const std::bad_alloc&) {
    out_of_memory();
}

// What the resource has no room for costs this connection. What its handler met with is not this: it
// was caught in the callback.
void SocketConnection::out_of_memory() {
    loop().current = nullptr;
    loop().scratch.used = 0;
    reset(std::make_error_code(std::errc::not_enough_memory));
}

void SocketConnection::set_reason(std::error_code reason) noexcept {
    try {
        cold().reason = reason;
    } catch (const std::bad_alloc&) {
        set(kNoReason);
    }
}

std::error_code SocketConnection::reason() const noexcept {
    if (has(kNoReason)) return std::make_error_code(std::errc::not_enough_memory);
    return cold_ ? cold_->reason : std::error_code();
}

void SocketConnection::read_ended(ssize_t got) {
    if (got < 0) {
        const int error = errno;
        if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return;
        broken(std::error_code(error, std::system_category()));
    } else {
        set(kEofSeen);
        if (has(kLingering)) return finish(reason());
    }
    attend();
}

// Does what callbacks and the socket left to do, and sees to it that the rest comes later.
void SocketConnection::attend() {
    clear(kAttention);
    if (has(kClosed) || !has(kOpen | kAborting)) return;
    if (has(kEofSeen) && !slot_.saw_eof() && !slot_.held()) {
        call(&Slot::eof);
        if (!slot_.saw_eof() && !slot_.ended()) at_end_of_turn(0);  // it switched protocols
    }
    if (has(kQueued) && !has(kAborting | kBlocked)) flush();
    if (has(kAborting)) {
        return has(kReset) ? reset(reason()) : finish(reason());
    }
    if (!has(kQueued)) attend_flushed();
    if (has(kClosed)) return;
    note_drained();
    update_interest();
}

void SocketConnection::attend_flushed() {
    if (has(kShutdown) && !has(kFinSent)) {
        set(kFinSent);
        ::shutdown(fd_, SHUT_WR);
    }
    // Nothing can be read or written any more: no event would ever end it.
    const bool over = has(kFinSent) && slot_.saw_eof();
    if ((!has(kClosing) && !over) || has(kLingering)) return;
    if (!must_linger()) return finish(reason());
    set(kLingering);
    if (!has(kFinSent)) ::shutdown(fd_, SHUT_WR);
}

// close(2) with unread input sends RST (RFC 2525, 2.17), which may overtake and destroy the reply
// that was just sent; so does input that comes after it, and a peer whose input was not used up is
// likely to send more. So the input is waited out, at most until close_timeout.
bool SocketConnection::must_linger() const {
    if (has(kEofSeen)) return false;
    int unread = 0;
    return has(kUnread) || slot_.unread() > 0 ||
           (::ioctl(fd_, FIONREAD, &unread) == 0 && unread > 0);
}

// on_drain comes at the end of the turn and not here: a peer that reads as fast as the handler
// writes would otherwise keep this connection going and all others waiting.
void SocketConnection::note_drained() {
    if (slot_.held(Slot::Hold::backpressure) && is_drained()) at_end_of_turn(kDrain);
}

bool SocketConnection::is_drained() const noexcept {
    return !has(kFile) && queued() <= origin_.limits.low_water;
}

unsigned SocketConnection::wanted() const noexcept {
    if (has(kClosed)) return 0;
    const bool reads = has(kLingering) || !(slot_.held() || slot_.ended());
    const unsigned in = reads && !has(kEofSeen) ? unsigned{UV_READABLE} : 0;
    return in | (has(kQueued) ? unsigned{UV_WRITABLE} : 0);
}

void SocketConnection::update_interest() {
    const unsigned now = wanted();
    if (has(kClosing) && has(kOpen)) {
        Cold& c = cold();
        const auto timeout = origin_.limits.close_timeout;
        if (c.ends_at == Clock::time_point::max() && timeout.count() > 0) {
            c.ends_at = Loop::in(timeout);
            schedule(c.ends_at);
        }
    }
    if (now == interest_) return;
    interest_ = static_cast<std::uint8_t>(now);
    uv_poll_start(&poll, static_cast<int>(now), on_poll);
}

void SocketConnection::end_of_turn() try {
    clear(kListed);
    if (has(kClosed)) return;
    if (has(kResume)) {
        clear(kResume);
        call(&Slot::resume);
    }
    if (has(kStop)) {
        clear(kStop);
        tell_stop();
    }
    if (has(kDrain)) {
        clear(kDrain);
        if (is_drained()) {  // others may have written since
            slot_.release(Slot::Hold::backpressure);
            call(&Slot::drain);
        }
    }
    attend();
} catch (const std::bad_alloc&) {
    out_of_memory();
}

void SocketConnection::finish(std::error_code reason) {
    if (has(kClosed)) return;
    set(kClosed);
    platform::probe_close(fd_, slot_index_, reason.value());
    Loop& l = loop();
    l.wheel.remove(*this);
    if (!has(kOpen)) ++l.stats.connect_errors;
    if (reason == errc::handler_failed) ++l.stats.handler_failures;
    ++l.stats.closed_by[static_cast<std::size_t>(close_cause(reason))];
    if (reason && l.logs()) report(reason);
    const bool told = origin_.connect && origin_.connect->on_ended;
    const Error how = told ? ending(reason) : Error(reason);
    if (cold_) cold_->connecting.reset();
    l.ran(*this);
    if (l.last == this) l.last = nullptr;
    const std::type_info* const handler = blame().handler;
    slot_.close(reason);
    l.ran("on_close", handler);
    if (told) l.guarded("on_ended", [&] { origin_.connect->on_ended(how); });
    let_go();
}

std::string SocketConnection::describe() const {
    return origin_.connect ? "connection to " + origin_.name
                           : "connection from " + made_peer().to_string();
}

const Site& SocketConnection::site() const noexcept {
    return origin_.site;
}

Blame SocketConnection::blame() const noexcept {
    const Protocol* const protocol = slot_.protocol();
    return {"a callback", protocol != nullptr ? &typeid(*protocol) : nullptr, this};
}

// As the blocking drivers do. Without memory for the line it is not written.
void SocketConnection::report(std::error_code reason) noexcept try {
    const bool failed = reason == errc::handler_failed;
    loop().log(failed ? LogLevel::error : LogLevel::debug,
               describe() + ": " + (failed ? slot_.failure() : reason.message()));
} catch (const std::bad_alloc&) {
    return;
}

void SocketConnection::let_go() {
    Loop& l = loop();
    if (cold_) cold_->queue.clear();
    has(kWatched) ? uv_close(handle(), on_handle_closed) : l.free_later(*this);
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    l.gone(origin_, slot());
}

void SocketConnection::reset(std::error_code reason) {
    const linger off{1, 0};
    if (fd_ >= 0 && !has(kClosed)) ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    finish(reason);
}

void SocketConnection::abandon() {
    if (has(kClosed)) return;
    set(kClosed);
    loop().wheel.remove(*this);
    if (cold_) cold_->connecting.reset();
    slot_ = Slot(nullptr, 0);
    let_go();
}

void SocketConnection::schedule(Clock::time_point when) {
    if (when != Clock::time_point::max()) schedule_tick(loop().tick_at(when));
}

void SocketConnection::schedule_tick(std::uint32_t due) {
    loop().file_by(*this, due);
}

void SocketConnection::expire(Clock::time_point now) try {
    if (has(kClosed) || (cold_ && expire_io(now))) return;
    if (has(kTimed)) {
        if (const auto why = timeout_over()) close(why);
        schedule_timeouts();
        if (has(kDraining)) is_idle() ? close({}) : schedule_idle();
    }
    if (deadline_ <= now) {
        deadline_ = Clock::time_point::max();
        call(&Slot::deadline);
        if (has(kAttention)) attend();
        if (has(kClosed)) return;
    }
    schedule(deadline_);
    if (!cold_) return;
    schedule(cold_->ends_at);
    schedule(cold_->stalled_at);
} catch (const std::bad_alloc&) {
    out_of_memory();
}

bool SocketConnection::expire_io(Clock::time_point now) {
    if (cold_->ends_at <= now) {
        if (has(kLingering)) {
            finish(cold_->reason);
        } else {
            reset(has(kOpen) ? errc::close_timed_out : errc::connect_timed_out);
        }
    } else if (!has(kOpen)) {
        if (cold_->stalled_at <= now && cold_->connecting) {
            cold_->connecting->proceed();
            schedule_attempt();
        }
    } else if (!has(kQueued)) {
        cold_->stalled_at = Clock::time_point::max();
    } else if (cold_->stalled_at <= now) {
        reset(errc::write_stalled);
    }
    return has(kClosed);
}

// Done right after the callback that asks, or at the end of the turn when asked from elsewhere.
void SocketConnection::request(unsigned flags) {
    set(flags | kAttention);
    if (loop().current != this) at_end_of_turn(0);
}

void SocketConnection::at_end_of_turn(unsigned flags) {
    set(flags);
    if (has(kListed | kClosed)) return;
    set(kListed);
    loop().attend_later(*this);
}

void SocketConnection::pause_reading() {
    if (slot_.held(Slot::Hold::handler)) return;
    slot_.hold(Slot::Hold::handler);
    request(0);
}

void SocketConnection::resume_reading() {
    slot_.release(Slot::Hold::handler);
    at_end_of_turn(kResume);
}

Clock::time_point SocketConnection::now() const {
    return loop().now();
}

void SocketConnection::set_deadline(Clock::time_point when) {
    deadline_ = when;
    schedule(when);
}

void SocketConnection::switch_to(std::unique_ptr<Protocol> next) {
    slot_.switch_to(*this, std::move(next));
    set(kAttention);  // the next one is not paused, and must hear of an EOF that was
    if (loop().current != this) at_end_of_turn(kResume);
}

SocketConnection::Cold::Cold(std::pmr::memory_resource* memory) : memory_(memory), queue(memory) {}
SocketConnection::Cold::~Cold() = default;

void SocketConnection::DestroyCold::operator()(Cold* cold) const noexcept {
    DestroyInResource<Cold>()(cold);
}

Result<PeerCredentials> SocketConnection::peer_credentials() const {
    return detail::peer_credentials(fd_);
}

std::pmr::memory_resource* SocketConnection::memory() const noexcept {
    return loop().memory();
}

ConnectionId SocketConnection::id() const {
    return loop().connections.id(slot_index_);
}

}  // namespace switchboard::detail
