#include "listener.hpp"

#include <utility>

namespace switchboard::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kGoodbyes = 16;  // at a time: they must not cost those who are served
constexpr auto kPatience = 1s;

// Says it and waits for the peer's end, but not for long: what the peer still sends after a close would
// be answered by a reset, which may overtake the goodbye.
class Goodbye final : public Protocol {
public:
    explicit Goodbye(std::string text) : text_(std::move(text)) {}
    void on_open(Connection& connection) override {
        connection.write(text_);
        connection.shutdown_write();
        connection.set_deadline(connection.now() + kPatience);
    }
    void on_deadline(Connection& connection) override { connection.abort(errc::idle_timed_out); }
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }

private:
    std::string text_;
};

}  // namespace

Listener::Listener(Loop& loop, Socket socket, Endpoint local, ProtocolFactory factory,
                   ListenOptions options, After after)
    : loop_(loop),
      socket_(std::move(socket)),
      local_(std::move(local)),
      factory_(std::move(factory)),
      options_(std::move(options)),
      after_(std::move(after)),
      origin_(loop.make_origin(options_.limits)),
      refused_(loop.make_origin(Limits())),
      allowed_(options_.limits.connections_allowed()),
      rate_(options_.accepts_per_second) {
    refused_.goodbye = true;
    if (options_.max_per_address > 0)
        origin_.addresses = std::make_unique<AddressCounts>(options_.max_per_address);
}

std::error_code Listener::start() {
    poll_.data = this;
    if (const int error = uv_poll_init(loop_.uv(), &poll_, socket_.fd())) {
        loop_.release(origin_);
        loop_.release(refused_);
        return std::error_code(-error, std::system_category());
    }
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

void Listener::on_closed(uv_handle_t* handle) {
    auto& self = *static_cast<Listener*>(handle->data);
    Loop& loop = self.loop_;
    loop.release(self.refused_);
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
        const auto wait = rate_.wait(loop_.now());
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
    rate_.took(loop_.now());
    if (origin_.connections >= allowed_) {
        say_goodbye(std::move(*socket), peer, &ReactorStats::refused_full, "max_connections");
    } else if (origin_.addresses && origin_.addresses->is_full(peer)) {
        say_goodbye(std::move(*socket), peer, &ReactorStats::refused_address, "max_per_address");
    } else {
        admit(std::move(*socket), peer);
    }
    return !is_closed() && !held_;
}

void Listener::accept_later(std::error_code error) {
    ++loop_.stats.accept_errors;
    pause_for(options_.limits.accept_pause);
    loop_.log(LogLevel::warning, "accept " + local_.to_string() + ": " + error.message());
    if (!options_.on_accept_error) return;
    loop_.guarded("on_accept_error", [&] { options_.on_accept_error(error); });
}

void Listener::admit(Socket socket, const SocketAddress& peer) {
    std::unique_ptr<Protocol> protocol;
    loop_.guarded("protocol factory", [&] { protocol = factory_(); });
    if (!protocol) return refuse(std::move(socket), &ReactorStats::refused_protocol, "no protocol");
    SocketConnection* made = nullptr;
    try {
        made = &loop_.make_connection(origin_, std::move(protocol));
    } catch (const std::bad_alloc&) {
        return refuse(std::move(socket), &ReactorStats::refused_memory, "no memory");
    }
    if (origin_.addresses) origin_.addresses->enter(made->slot(), peer);
    ++loop_.stats.accepted;
    made->accept(std::move(socket), peer);
}

void Listener::say_goodbye(Socket socket, const SocketAddress& peer, Counter cause,
                           std::string_view why) {
    const bool tells = !options_.goodbye.empty() && refused_.connections < kGoodbyes;
    if (!tells) return refuse(std::move(socket), cause, why);
    try {
        SocketConnection& made =
            loop_.make_connection(refused_, std::make_unique<Goodbye>(options_.goodbye));
        ++loop_.stats.told_goodbye;
        ++loop_.stats.goodbyes;
        made.accept(std::move(socket), peer);
    } catch (const std::bad_alloc&) {
    }
    refuse({}, cause, why);
}

void Listener::refuse(Socket socket, Counter cause, std::string_view why) {
    ++loop_.stats.refused;
    ++(loop_.stats.*cause);
    socket.close();
    loop_.log(LogLevel::warning,
              "refused a connection to " + local_.to_string() + ": " + std::string(why));
}

}  // namespace switchboard::detail
