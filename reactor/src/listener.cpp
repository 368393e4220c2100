#include "listener.hpp"

#include <cerrno>
#include <utility>

namespace switchboard::detail {

Listener::Listener(Loop& loop, Socket socket, Endpoint local, ProtocolFactory factory,
                   ListenOptions options, After after)
    : loop_(loop),
      socket_(std::move(socket)),
      local_(std::move(local)),
      factory_(std::move(factory)),
      options_(std::move(options)),
      after_(std::move(after)),
      origin_(loop.make_origin(options_.limits)),
      allowed_(options_.limits.connections_allowed()) {}

std::error_code Listener::start() {
    poll_.data = this;
    if (const int error = uv_poll_init(loop_.uv(), &poll_, socket_.fd())) {
        loop_.release(origin_);
        return std::error_code(-error, std::system_category());
    }
    uv_poll_start(&poll_, UV_READABLE, on_poll);
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

void Listener::on_closed(uv_handle_t* handle) {
    auto& self = *static_cast<Listener*>(handle->data);
    Loop& loop = self.loop_;
    loop.release(self.origin_);  // not before: a factory may close the listener that called it
    if (const auto closed = std::move(self.closed_)) closed();
    loop.handle_closed();
}

// Where libuv reports an error it has stopped watching.
void Listener::on_poll(uv_poll_t* handle, int status, int) {
    auto& self = *static_cast<Listener*>(handle->data);
    if (status == 0) return self.accept_ready();
    self.accept_later(self.socket_.take_error());
}

void Listener::accept_ready() {
    for (std::size_t i = 0; i < options_.limits.accepts_per_wake; ++i) {
        if (!accept_one()) return;
    }
}

// Whether to go on: a handler may have closed this listener meanwhile.
bool Listener::accept_one() {
    SocketAddress peer;
    auto socket = socket_.accept(Blocking::no, &peer);
    if (!socket) return accept_error(socket.error());
    if (origin_.connections >= allowed_) {
        refuse(std::move(*socket), "max_connections");
    } else {
        admit(std::move(*socket), peer);
    }
    return !is_closed();
}

// man 2 accept: errors of the connection that was about to be accepted are no error of the listener.
bool Listener::accept_error(std::error_code error) {
    switch (error.value()) {
        case EAGAIN: return false;
        case ECONNABORTED:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case EINTR:
        case ENETDOWN:
        case ENETUNREACH:
        case ENOPROTOOPT:
        case EPERM:
        case EPROTO:
        case ETIMEDOUT: return true;
        default: accept_later(error); return false;
    }
}

void Listener::accept_later(std::error_code error) {
    ++loop_.stats.accept_errors;
    uv_poll_stop(&poll_);
    pause_ = after_(options_.limits.accept_pause, [this] {
        pause_ = {};
        uv_poll_start(&poll_, UV_READABLE, on_poll);
    });
    loop_.log(LogLevel::warning, "accept " + local_.to_string() + ": " + error.message());
    if (!options_.on_accept_error) return;
    loop_.guarded("on_accept_error", [&] { options_.on_accept_error(error); });
}

void Listener::admit(Socket socket, const SocketAddress& peer) {
    std::unique_ptr<Protocol> protocol;
    loop_.guarded("protocol factory", [&] { protocol = factory_(); });
    if (!protocol) return refuse(std::move(socket), "no protocol");
    SocketConnection* made = nullptr;
    try {
        made = &loop_.make_connection(origin_, std::move(protocol));
    } catch (const std::bad_alloc&) {
        return refuse(std::move(socket), "no memory");
    }
    ++loop_.stats.accepted;
    made->accept(std::move(socket), peer);
}

void Listener::refuse(Socket socket, std::string_view why) {
    ++loop_.stats.refused;
    socket.close();
    loop_.log(LogLevel::warning,
              "refused a connection to " + local_.to_string() + ": " + std::string(why));
}

}  // namespace switchboard::detail
