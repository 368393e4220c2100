#include "listener.hpp"

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
    poll_.data = this;
    if (const int error = uv_poll_init(loop_.uv(), &poll_, socket_.fd()))
        return std::error_code(-error, std::system_category());
    watch();
    loop_.handle_opened();
    loop_.hold();
    loop_.touched();
    ++loop_.stats.listeners;
    return {};
}

void Listener::close(std::function<void()> closed) {
    closed_ = std::move(closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), on_closed);
    socket_.close();
    loop_.unhold();
    loop_.touched();
    --loop_.stats.listeners;
}

LiveHandle Listener::live() const {
    return made_.live(LiveHandle::Kind::listener, "listener " + local_.to_string());
}

void Listener::on_closed(uv_handle_t* handle) {
    auto& self = *static_cast<Listener*>(handle->data);
    Loop& loop = self.loop_;
    self.admission_.reset();  // not before: a factory may close the listener that called it
    if (const auto closed = std::move(self.closed_)) closed();
    loop.handle_closed();
}

// Where libuv reports an error it has stopped watching.
void Listener::on_poll(uv_poll_t* handle, int status, int) {
    auto& self = *static_cast<Listener*>(handle->data);
    if (!self.loop_.keeps_time()) self.loop_.keep_time();
    if (self.is_closed() || self.held_) return;  // by a timer, just now
    if (status == 0) return self.accept_ready();
    self.accept_later(self.socket_.take_error());
}

// Unless something holds it up, of which each calls this when it ends.
void Listener::watch() {
    if (!held_ && pause_ == TimerId{}) uv_poll_start(&poll_, UV_READABLE, on_poll);
}

void Listener::hold(bool held) {
    if (is_closed()) return;
    held_ = held;
    held ? void(uv_poll_stop(&poll_)) : watch();
    loop_.touched();
}

// Whoever waits is accepted right after it: to hear of them from libuv would wake the loop once more.
void Listener::pause_for(std::chrono::milliseconds time) {
    pause_ = after_(time, [this] {
        pause_ = {};
        watch();
        if (!held_) accept_ready();
    });
    uv_poll_stop(&poll_);
}

void Listener::accept_ready() {
    for (std::size_t i = 0; i < options_.limits.accepts_per_wake; ++i) {
        const auto wait = admission_->control().wait(loop_.now());
        if (wait.count() > 0) return pause_for(wait);
        if (!accept_one()) return;
    }
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
