#include "engine.hpp"

#include "base/deadline.hpp"

namespace switchboard::websocket {

Socket* Handle::get() const noexcept {
    return link_ ? link_->engine : nullptr;
}

namespace detail {

using switchboard::detail::deadline_after;
using switchboard::detail::limit_after;

Engine::Engine(std::unique_ptr<Handler> handler, std::shared_ptr<const Shared> shared,
               Opening opening)
    : opening_(std::move(opening)), shared_(std::move(shared)), handler_(std::move(handler)) {
    if (opening_.deflate) compression_.emplace(*opening_.deflate, shared_);
}

// If the connection ended between the handshake and on_open, no callback has told the handler.
Engine::~Engine() {
    ended(code::kLost, {});
}

void Engine::on_open(Connection& connection) {
    connection_ = &connection;
    std::destroy_at(&collected_);
    std::construct_at(&collected_, connection.memory());
    heard_ = connection.now();
    watch_idle();
    handler_->on_open(*this);
}

void Engine::on_writable(Connection&) {
    full_ = false;
    if (!close_sent_) handler_->on_writable(*this);
}

void Engine::on_shutdown(Connection&) {
    if (!closing()) handler_->on_shutdown(*this);
}

void Engine::on_eof(Connection& connection) {
    connection.close(close_received_ || connection.closing()
                         ? std::error_code()
                         : make_error_code(errc::incomplete_message));
}

void Engine::on_close(std::error_code) noexcept {
    ended(code_, reason_);
    connection_ = nullptr;
}

void Engine::ended(std::uint16_t code, std::string_view reason) noexcept {
    if (told_) return;
    told_ = true;
    handler_->on_close(code, reason);
    if (!link_) return;
    for (const auto& list : link_->lists)
        if (const auto there = list.lock()) there->remove(*link_);
    link_->engine = nullptr;
}

const std::shared_ptr<Link>& Engine::link() {
    if (!link_) {
        link_ = std::make_shared<Link>();
        link_->engine = told_ ? nullptr : this;
    }
    return link_;
}

std::size_t Engine::queued() const noexcept {
    return connection_ == nullptr ? 0 : connection_->queued();
}

// The peer's Close frame must be read.
void Engine::pause() {
    if (close_sent_) return;
    paused_ = true;
    connection_->pause_reading();
}

void Engine::resume() {
    paused_ = false;
    heard_ = connection_->now();
    connection_->resume_reading();
}

// ---- Time

// A peer that cannot be heard, because reading is paused or its window is full, is not judged.
void Engine::watch_idle() {
    const auto limit = shared_->options.idle_timeout;
    if (limit.count() == 0) return;
    const auto now = connection_->now();
    if (paused_ || connection_->queued() != 0) heard_ = now;
    const auto ping_at = deadline_after(heard_, limit / 2);
    const auto end_at = deadline_after(heard_, limit);
    if (now >= end_at) return connection_->abort(errc::idle_timed_out);
    if (now < ping_at) return arm(ping_at);
    if (pinged_for_ != heard_) ping({});
    pinged_for_ = heard_;
    arm(end_at);
}

// The own Close frame was sent, or both were and the server's FIN is to come.
void Engine::await_end() {
    arm(limit_after(connection_->now(), shared_->options.close_timeout));
}

void Engine::on_deadline(Connection& connection) {
    if (!close_sent_) return watch_idle();
    if (close_received_)
        return connection.close();  // the server did not end the connection: the client does
    connection.abort(errc::close_timed_out);
}

}  // namespace detail
}  // namespace switchboard::websocket
