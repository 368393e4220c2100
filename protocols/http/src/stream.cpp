// Answers in pieces.
#include <stdexcept>
#include <utility>

#include "chunks.hpp"
#include "open_answer.hpp"
#include "server_protocol.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

void check_trailers(std::span<const Field> trailers) {
    for (const Field& each : trailers) {
        check_field(each.name, each.value);
        if (!is_allowed_trailer(each.name))
            throw std::invalid_argument("HTTP field \"" + std::string(each.name) +
                                        "\" must not be a trailer");
    }
}

std::string last_chunk(std::span<const Field> trailers) {
    std::string text = "0\r\n";
    for (const Field& each : trailers) append_field(text, each.name, each.value);
    return text.append(kLineEnd);
}

}  // namespace

bool OpenAnswer::put(std::span<const Bytes> pieces) noexcept {
    room_ = connection_->write(pieces);
    return room_;
}

bool OpenAnswer::write(Bytes piece) {
    if (!alive()) return false;
    if (has_length_ && piece.size() > left_)
        throw std::logic_error("HTTP body is longer than its length");
    left_ -= has_length_ ? piece.size() : 0;
    if (piece.empty() || body_end_ == BodyEnd::no_body) return room_;
    bytes_ += piece.size();
    if (body_end_ != BodyEnd::chunks) return put({&piece, 1});
    ChunkLine line;
    const Bytes pieces[] = {as_bytes(encode_chunk_line(line, piece.size())), piece,
                            as_bytes(kLineEnd)};
    return put(pieces);
}

void OpenAnswer::end(std::span<const Field> trailers) {
    if (!alive()) return;
    check_trailers(trailers);
    if (body_end_ == BodyEnd::length && left_ > 0) return abort(errc::handler_failed);
    if (body_end_ == BodyEnd::chunks) {
        const std::string text = last_chunk(trailers);
        const Bytes piece = as_bytes(text);
        put({&piece, 1});
    }
    finish({});
}

// A body that ends with the connection would look whole after a FIN. The others do not, so that answers
// before this one still arrive.
void OpenAnswer::abort(std::error_code why) noexcept {
    if (!alive()) return;
    facts_.last = true;
    if (body_end_ == BodyEnd::close) connection_->abort(why);
    finish(why);
}

void OpenAnswer::set_on_room(std::function<void()> fn) {
    if (alive()) on_room_ = std::move(fn);
}

// The function may replace or destroy itself.
void OpenAnswer::room_again() {
    if (std::exchange(room_, true) || !on_room_) return;
    auto on_room = std::exchange(on_room_, nullptr);
    on_room();
    if (alive() && !on_room_) on_room_ = std::move(on_room);
}

}  // namespace switchboard::http::detail

namespace switchboard::http {

Stream::Stream(std::shared_ptr<detail::OpenAnswer> answer) noexcept : answer_(std::move(answer)) {}

Stream::Stream(Stream&&) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
    Stream old(std::exchange(answer_, std::move(other.answer_)));
    return *this;
}

Stream::~Stream() {
    if (answer_) answer_->abort(errc::handler_failed);
}

bool Stream::write(Bytes piece) {
    return answer_->write(piece);
}

void Stream::end(std::span<const Field> trailers) {
    const auto answer = answer_;  // this object may be destroyed meanwhile
    answer->end(trailers);
}

void Stream::abort() noexcept {
    const auto answer = answer_;
    answer->abort(errc::handler_failed);
}

bool Stream::alive() const noexcept {
    return answer_ && answer_->alive();
}

Stream& Stream::on_room(std::function<void()> fn) {
    answer_->set_on_room(std::move(fn));
    return *this;
}

Stream& Stream::on_gone(std::function<void(std::error_code)> fn) {
    answer_->set_on_gone(std::move(fn));
    return *this;
}

}  // namespace switchboard::http
