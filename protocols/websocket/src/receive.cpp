#include <algorithm>

#include "engine.hpp"

namespace switchboard::websocket::detail {

[[gnu::always_inline]] inline std::size_t Engine::take_simple(const FrameHead& head,
                                                              MutableBytes in) {
    const MutableBytes payload = in.subspan(head.size, static_cast<std::size_t>(head.length));
    if (opening_.role == Role::server) apply_mask(payload, head.mask);
    if (head.opcode == Opcode::text && !is_utf8(payload))
        return fail(code::kNotUtf8, "text that is not UTF-8");
    handler_->on_message(*this, static_cast<Kind>(head.opcode), payload);
    return head.size + payload.size();
}

[[gnu::always_inline]] inline std::size_t Engine::take(Connection& connection, MutableBytes in) {
    heard_ = connection.now();
    if (close_received_) {  // 5.5.1: nothing comes after a Close frame
        connection.close(errc::malformed_message);
        return in.size();
    }
    if (incoming_.left != 0) return take_payload(in);
    FrameHead head;
    const Role sender = opening_.role == Role::server ? Role::client : Role::server;
    if (sender == Role::server || !parse_short_head(in, head)) {
        if (const char* const wrong = parse_head(in, sender, compression_.has_value(), head))
            return fail(code::kProtocolError, wrong);
        if (head.size == 0) return 0;
    }
    if (is_simple(head, in)) return take_simple(head, in);
    return is_control(head.opcode) ? take_control(head, in) : take_data(head, in);
}

// After a failure no byte counts as used, so that the driver waits for the peer's FIN, and no reset destroys
// the Close frame.
std::size_t Engine::on_data(Connection& connection, MutableBytes in) {
    const std::size_t used = take(connection, in);
    return failed_ ? 0 : used;
}

// Ends the connection because of the peer (7.1.7).
std::size_t Engine::fail(std::uint16_t code, const char* why) {
    failed_ = true;
    if (!close_sent_) {
        code_ = code;
        reason_ = why;
        send_close(code, why);
    }
    connection_->close(code == code::kTooLarge ? errc::message_too_large : errc::malformed_message);
    return 0;
}

// ---- Control frames (5.5)

std::size_t Engine::take_control(const FrameHead& head, MutableBytes in) {
    const auto length = static_cast<std::size_t>(head.length);
    if (in.size() - head.size < length) return 0;
    const MutableBytes payload = in.subspan(head.size, length);
    if (opening_.role == Role::server) apply_mask(payload, head.mask);
    if (head.opcode == Opcode::close) {
        take_close(payload);
    } else if (head.opcode == Opcode::pong) {
        if (!close_sent_) handler_->on_pong(*this, payload);
    } else if (!close_sent_) {
        const Bytes piece = payload;
        send_frame({.opcode = Opcode::pong, .fin = true}, {&piece, 1}, length);
    }
    return head.size + length;
}

void Engine::take_close(Bytes payload) {
    std::uint16_t code = code::kNone;
    if (payload.size() == 1) {
        fail(code::kProtocolError, "Close frame with half a code");
        return;
    }
    if (!payload.empty()) {
        code = static_cast<std::uint16_t>(std::to_integer<unsigned>(payload[0]) << 8U |
                                          std::to_integer<unsigned>(payload[1]));
        if (!is_close_code(code)) {
            fail(code::kProtocolError, "Close frame with a wrong code");
            return;
        }
        if (!is_utf8(payload.subspan(2))) {
            fail(code::kNotUtf8, "Close frame with a reason that is not UTF-8");
            return;
        }
        reason_ = as_text(payload.subspan(2));
    }
    code_ = code;
    close_received_ = true;
    if (!close_sent_) send_close(code, {});
    // The server ends the connection first (7.1.1).
    opening_.role == Role::server ? connection_->close() : await_end();
}

// ---- Messages

std::size_t Engine::most_payload() const noexcept {
    const std::size_t most = shared_->options.max_message;
    // What does not compress becomes larger, by 5 bytes in each block.
    return incoming_.compressed ? most + most / 8 + 1024 : most;
}

void Engine::unmask(MutableBytes payload) noexcept {
    if (opening_.role == Role::client) return;
    apply_mask(payload, incoming_.mask);
    incoming_.mask = rotate(incoming_.mask, payload.size());
}

// Returns null, or what is wrong.
const char* Engine::begin_frame(const FrameHead& head) {
    const bool first = head.opcode != Opcode::continuation;
    if (first == (incoming_.kind != Opcode::continuation))
        return first ? "message within a message" : "continuation of no message";
    if (first) {
        incoming_ = {};
        incoming_.kind = head.opcode;
        incoming_.compressed = head.compressed;
    }
    incoming_.skipped = incoming_.skipped || close_sent_;
    ++incoming_.fragments;
    incoming_.left = head.length;
    incoming_.mask = head.mask;
    incoming_.fin = head.fin;
    return nullptr;
}

std::size_t Engine::take_data(const FrameHead& head, MutableBytes in) {
    if (const char* const wrong = begin_frame(head)) return fail(code::kProtocolError, wrong);
    if (!incoming_.skipped) {
        if (head.length > most_payload() - collected_.size())
            return fail(code::kTooLarge, "message too large");
        if (incoming_.fragments > shared_->options.max_fragments)
            return fail(code::kTooLarge, "too many fragments");
    }
    const MutableBytes rest = in.subspan(head.size);
    const bool in_place = incoming_.fin && incoming_.fragments == 1 && rest.size() >= head.length;
    if (!in_place || incoming_.skipped) {
        if (head.length == 0) end_frame();
        return head.size;
    }
    const MutableBytes payload = rest.first(static_cast<std::size_t>(head.length));
    incoming_.left = 0;
    unmask(payload);
    deliver_compressed(payload);  // others are taken above, as is_simple() is true for them
    return head.size + payload.size();
}

std::size_t Engine::take_payload(MutableBytes in) {
    const auto part =
        in.first(static_cast<std::size_t>(std::min<std::uint64_t>(in.size(), incoming_.left)));
    if (!incoming_.skipped && close_sent_) {  // the Close frame was sent within this frame
        incoming_.skipped = true;
        collected_ = std::pmr::vector<std::byte>(collected_.get_allocator());
    }
    if (!incoming_.skipped) {
        unmask(part);
        if (incoming_.kind == Opcode::text && !incoming_.compressed && !incoming_.text.add(part))
            return fail(code::kNotUtf8, "text that is not UTF-8");
        collected_.insert(collected_.end(), part.begin(), part.end());
    }
    incoming_.left -= part.size();
    if (incoming_.left == 0) end_frame();
    return part.size();
}

// Memory is released before the next message: an idle connection has none.
void Engine::end_frame() {
    if (!incoming_.fin) return;
    std::pmr::vector<std::byte> message(collected_.get_allocator());
    message.swap(collected_);
    if (incoming_.skipped) {
        incoming_.kind = Opcode::continuation;
    } else if (incoming_.kind == Opcode::text && !incoming_.compressed &&
               !incoming_.text.is_whole()) {
        fail(code::kNotUtf8, "text that is not UTF-8");
    } else {
        deliver(message);
    }
}

// `payload` is UTF-8 if it is text, unless it is compressed.
void Engine::deliver(MutableBytes payload) {
    if (incoming_.compressed) return deliver_compressed(payload);
    const auto kind = std::exchange(incoming_.kind, Opcode::continuation);
    handler_->on_message(*this, static_cast<Kind>(kind), payload);
}

void Engine::deliver_compressed(Bytes payload) {
    const auto kind = std::exchange(incoming_.kind, Opcode::continuation);
    std::pmr::vector<std::byte> message(collected_.get_allocator());
    const auto outcome = compression_->decompress(payload, message, shared_->options.max_message);
    if (outcome == Inflater::Outcome::too_large) {
        fail(code::kTooLarge, "message too large");
    } else if (outcome == Inflater::Outcome::malformed) {
        fail(code::kNotUtf8, "message that is not deflate");
    } else if (kind == Opcode::text && !is_utf8(message)) {
        fail(code::kNotUtf8, "text that is not UTF-8");
    } else {
        handler_->on_message(*this, static_cast<Kind>(kind), message);
    }
}

}  // namespace switchboard::websocket::detail
