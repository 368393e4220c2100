#include "body_reader.hpp"

#include <utility>

#include "server_protocol.hpp"

namespace switchboard::http::detail {

void BodyReader::pause() {
    if (!alive() || std::exchange(paused_, true)) return;
    paused_at_ = connection_->now();
    connection_->pause_reading();
    protocol_->arm(*connection_);
}

void BodyReader::resume() {
    if (!alive() || !std::exchange(paused_, false)) return;
    input_.forgive(paused_at_, connection_->now());
    connection_->resume_reading();
    protocol_->arm(*connection_);
}

void BodyReader::hand_on(std::string_view piece) {
    if (reader_.on_piece && !piece.empty()) reader_.on_piece(as_bytes(piece), false);
}

// The functions may own the handle, so they are destroyed last.
void BodyReader::end(std::string_view piece) {
    protocol_ = nullptr;
    const Reader reader = std::exchange(reader_, {});
    if (reader.on_piece) reader.on_piece(as_bytes(piece), true);
}

void BodyReader::gone(std::error_code why) noexcept {
    protocol_ = nullptr;
    const Reader reader = std::exchange(reader_, {});
    if (reader.on_gone) reader.on_gone(why);
}

}  // namespace switchboard::http::detail

namespace switchboard::http {

void Upload::pause() {
    const auto body = body_;
    body->pause();
}

void Upload::resume() {
    const auto body = body_;
    body->resume();
}

bool Upload::alive() const noexcept {
    return body_->alive();
}

std::span<const Field> Upload::trailers() const noexcept {
    return body_->trailers();
}

}  // namespace switchboard::http
