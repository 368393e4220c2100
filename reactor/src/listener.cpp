#include "listener.hpp"

#include <algorithm>
#include <utility>

#include "platform/probes.hpp"

namespace switchboard::detail {

SocketOptions socket_options(const ListenOptions& options) {
    SocketOptions how;
    how.blocking = Blocking::no;
    how.backlog = static_cast<int>(options.limits.backlog);
    how.path_mode = options.path_mode;
    return how;
}

Result<Socket> take_listener(Socket socket, const ListenOptions& options) {
    auto taken = listen(Endpoint::descriptor(socket.fd()), socket_options(options));
    if (taken) socket.release();
    return taken;
}

Listener::Listener(Loop& loop, Socket socket, Endpoint local, std::unique_ptr<Admission> admission,
                   ListenOptions options, After after, const Site& made)
    : loop_(loop),
      made_(made),
      socket_(std::move(socket)),
      local_(std::move(local)),
      admission_(std::move(admission)),
      options_(std::move(options)),
      after_(std::move(after)) {}

std::error_code Listener::start() {
    if (const auto error = loop_.watches.start(socket_.fd(), UV_READABLE, on_poll, this))
        return error;
    loop_.hold();
    loop_.touched();
    ++loop_.stats.listeners;
    return {};
}

void Listener::close(std::function<void()> closed) {
    loop_.watches.stop(socket_.fd());
    socket_.close();
    loop_.after_events(std::move(closed));  // a factory may close the listener that called it
    loop_.unhold();
    loop_.touched();
    --loop_.stats.listeners;
}

void Listener::forget_users() {
    if (admission_) admission_->forget_factory();
    options_.on_accept_error = nullptr;
}

LiveHandle Listener::live() const {
    return made_.live(LiveHandle::Kind::listener, "listener " + local_.to_string());
}

// Where libuv reports an error it has stopped watching.
void Listener::on_poll(uv_poll_t* handle, int status, int) {
    auto& self = *static_cast<Listener*>(handle->data);
    if (!self.loop_.keeps_time()) self.loop_.keep_time();
    if (self.is_closed() || self.rests()) return;  // by a timer, just now
    if (status == 0) return self.accept_ready();
    self.accept_later(self.socket_.take_error());
}

// Unwatched it would be a listener that nobody hears of: it is tried again after a pause.
void Listener::watch(int events) {
    if (const auto error = loop_.watches.change(socket_.fd(), events, on_poll)) accept_later(error);
}

void Listener::hold(bool held) {
    if (is_closed()) return;
    held_ = held;
    if (pause_ == TimerId{}) watch(held ? 0 : UV_READABLE);
    loop_.touched();
}

// Whoever waits is accepted right after it: to hear of them from libuv would wake the loop once more.
void Listener::pause_for(std::chrono::milliseconds time) {
    pause_ = after_(time, [this] {
        pause_ = {};
        if (held_) return;
        watch(UV_READABLE);
        if (!rests()) accept_ready();
    });
    loop_.watches.change(socket_.fd(), 0, on_poll);
}

// The accept that finds nobody costs as much as one that does. So one connection is taken at first, and twice
// as many each time that all came: if more wait, the next turn hears of them at once.
void Listener::accept_ready() {
    const std::size_t most = std::exchange(burst_, 1);
    for (std::size_t i = 0; i < most; ++i) {
        const auto wait = admission_->control().wait(loop_.now());
        if (wait.count() > 0) return pause_for(wait);
        if (!accept_one()) return;
    }
    burst_ = std::min(2 * most, options_.limits.accepts_per_wake);
}

// Whether to go on: a handler may have closed this listener meanwhile.
bool Listener::accept_one() {
    SocketAddress peer;
    auto socket = socket_.accept(Blocking::no, &peer);
    if (!socket) {
        if (socket.error() != std::errc::operation_would_block) accept_later(socket.error());
        return false;
    }
    AcceptControl& control = admission_->control();
    control.took(loop_.now());
    auto key = control.counts_addresses() ? address_key(peer) : std::nullopt;
    const auto verdict = control.enter(key);
    if (verdict != AcceptControl::Verdict::welcome) {
        admission_->turn_away(std::move(*socket), peer, verdict);
    } else if (Arrival arrival{std::move(*socket), peer, key}; !hand_off || !hand_off(arrival)) {
        admission_->admit(std::move(arrival));
    }
    return !is_closed() && !held_;
}

void Listener::accept_later(std::error_code error) {
    ++loop_.stats.accept_errors;
    platform::probe_accept_error(error.value());
    pause_for(options_.limits.accept_pause);
    loop_.log(LogLevel::warning, "accept " + local_.to_string() + ": " + error.message());
    if (!options_.on_accept_error) return;
    loop_.guarded("on_accept_error", [&] { options_.on_accept_error(error); });
}

}  // namespace switchboard::detail
