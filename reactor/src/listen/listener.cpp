#include "listener.hpp"

#include <algorithm>
#include <utility>

#include "platform/probes.hpp"

namespace switchboard::detail {

SocketOptions socket_options(const ListenOptions& options) {
    SocketOptions how;
    how.blocking = Blocking::no;
    how.backlog = static_cast<int>(options.server.backlog);
    how.path_mode = options.path_mode;
    return how;
}

Result<Socket> take_listener(Socket socket, const ListenOptions& options) {
    auto taken = listen(Endpoint::descriptor(socket.fd()), socket_options(options));
    if (taken) socket.release();
    return taken;
}

Listener::Listener(Loop& loop, Socket socket, Endpoint local,
                   std::unique_ptr<ConnectionAcceptor> acceptor, ListenOptions options, After after,
                   const SourceLocation& location)
    : loop_(loop),
      made_(location),
      socket_(std::move(socket)),
      local_(std::move(local)),
      acceptor_(std::move(acceptor)),
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
    if (acceptor_) acceptor_->forget_factory();
    options_.on_accept_error = nullptr;
}

LiveHandle Listener::live() const {
    return made_.live(LiveHandle::Kind::listener, "listener " + local_.to_string());
}

// When libuv reports an error, it has stopped watching.
void Listener::on_poll(uv_poll_t* handle, int status, int) {
    auto& self = *static_cast<Listener*>(handle->data);
    if (!self.loop_.clock_is_fresh()) self.loop_.run_due_timers();
    if (self.is_closed() || self.rests()) return;  // a timer has just closed or paused it
    if (status == 0) return self.accept_ready();
    self.accept_later(self.socket_.take_error());
}

// If watching fails, it is tried again after a pause. Otherwise the listener would never accept again.
void Listener::watch(int events) {
    if (const auto error = loop_.watches.change(socket_.fd(), events, on_poll)) accept_later(error);
}

void Listener::hold(bool held) {
    if (is_closed()) return;
    held_ = held;
    if (pause_ == TimerId{}) watch(held ? 0 : UV_READABLE);
    loop_.touched();
}

// Waiting connections are accepted right after the pause. To wait for libuv to report them would take
// another turn.
void Listener::pause_for(std::chrono::milliseconds time) {
    pause_ = after_(time, [this] {
        pause_ = {};
        if (held_) return;
        watch(UV_READABLE);
        if (!rests()) accept_ready();
    });
    loop_.watches.change(socket_.fd(), 0, on_poll);
}

// An accept without a waiting connection costs as much as one with. So at first one connection is accepted,
// and twice as many each time that all of them were there. If more are waiting, libuv reports them in the
// next turn.
void Listener::accept_ready() {
    const std::size_t most = std::exchange(burst_, 1);
    for (std::size_t i = 0; i < most; ++i) {
        const auto wait = acceptor_->control().wait(loop_.now());
        if (wait.count() > 0) return pause_for(wait);
        if (!accept_one()) return;
    }
    burst_ = std::min(2 * most, options_.server.max_accepts_per_turn);
}

// Returns whether to go on: a handler may have closed this listener meanwhile.
bool Listener::accept_one() {
    SocketAddress peer;
    auto socket = socket_.accept(Blocking::no, &peer);
    if (!socket) {
        if (socket.error() != std::errc::operation_would_block) accept_later(socket.error());
        return false;
    }
    AcceptLimits& control = acceptor_->control();
    control.took(loop_.now());
    auto key = control.counts_addresses() ? address_key(peer) : std::nullopt;
    const auto verdict = control.enter(key);
    if (verdict != AcceptLimits::Verdict::welcome) {
        acceptor_->reject(std::move(*socket), peer, verdict);
    } else if (AcceptedSocket accepted{std::move(*socket), peer, key};
               !hand_off || !hand_off(accepted)) {
        acceptor_->admit(std::move(accepted));
    }
    return !is_closed() && !held_;
}

void Listener::accept_later(std::error_code error) {
    ++loop_.stats.accept_errors;
    platform::probe_accept_error(error.value());
    pause_for(options_.server.accept_retry_delay);
    loop_.log(LogLevel::warning, "accept " + local_.to_string() + ": " + error.message());
    if (!options_.on_accept_error) return;
    loop_.guarded("on_accept_error", [&] { options_.on_accept_error(error); });
}

}  // namespace switchboard::detail
