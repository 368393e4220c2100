#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "engine.hpp"

namespace switchboard::websocket::detail {
namespace {

std::size_t total(std::span<const Bytes> pieces) noexcept {
    std::size_t size = 0;
    for (const Bytes piece : pieces) size += piece.size();
    return size;
}

// Returns the longest front of `text` that has at most `most` bytes and cuts off no character.
std::string_view front_of(std::string_view text, std::size_t most) noexcept {
    if (text.size() <= most) return text;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80) --most;
    return text.substr(0, most);
}

// Writes a head and up to this many pieces at once, without memory.
constexpr std::size_t kFewPieces = 7;

bool write_pieces(Connection& to, Bytes head, std::span<const Bytes> pieces) {
    if (pieces.size() <= kFewPieces) {
        std::array<Bytes, kFewPieces + 1> all{head};
        std::copy(pieces.begin(), pieces.end(), all.begin() + 1);
        return to.write(std::span<const Bytes>(all).first(1 + pieces.size()));
    }
    std::pmr::vector<Bytes> all(to.memory());
    all.reserve(1 + pieces.size());
    all.push_back(head);
    all.insert(all.end(), pieces.begin(), pieces.end());
    return to.write(std::span<const Bytes>(all));
}

}  // namespace

// ---- Frames

Mask Engine::next_mask() {
    if (shared_->options.mask) return shared_->options.mask();
    if (!masks_) masks_ = std::make_unique<MaskSource>();
    return masks_->next();
}

bool Engine::send_frame(const FrameHead& head, std::span<const Bytes> pieces, std::size_t size) {
    FrameHead whole = head;
    whole.length = size;
    std::array<std::byte, kMaxHead> bytes;
    const bool masked = opening_.role == Role::client;
    if (masked) whole.mask = next_mask();
    const Bytes written = Bytes(bytes).first(encode_head(bytes, whole, masked));
    if (!masked) return note(write_pieces(*connection_, written, pieces));
    const bool room = connection_->write(written);
    return note(size == 0 ? room : send_masked(pieces, whole.mask));
}

// The caller's bytes must not change, so they are masked in copies.
bool Engine::send_masked(std::span<const Bytes> pieces, Mask mask) {
    std::array<std::byte, 8 * 1024> copy;
    bool room = true;
    for (Bytes piece : pieces) {
        while (!piece.empty()) {
            const auto part = MutableBytes(copy).first(std::min(piece.size(), copy.size()));
            std::memcpy(part.data(), piece.data(), part.size());
            apply_mask(part, mask);
            mask = rotate(mask, part.size());
            piece = piece.subspan(part.size());
            room = connection_->write(Bytes(part));
        }
    }
    return room;
}

// ---- Messages

[[gnu::always_inline]] inline bool Engine::may_send() const {
    if (sending_ != Sending::whole) throw std::logic_error("send() between begin() and end()");
    return !closing();
}

// Most messages of a server: one frame, whose head has two bytes and which is written as one piece.
[[gnu::always_inline]] inline bool Engine::send_short(Opcode opcode, Bytes message) {
    std::array<std::byte, 2 + kMaxShort> frame;
    frame[0] = std::byte{0x80} | static_cast<std::byte>(opcode);  // FIN
    frame[1] = static_cast<std::byte>(message.size());
    if (!message.empty()) std::memcpy(frame.data() + 2, message.data(), message.size());
    return note(connection_->write(Bytes(frame).first(2 + message.size())));
}

Compression* Engine::compressor() noexcept {
    return compression_ && compression_->can_compress() ? &*compression_ : nullptr;
}

bool Engine::send(Kind kind, std::span<const Bytes> pieces) {
    if (!may_send()) return false;
    const bool plain = opening_.role == Role::server && !compression_;
    if (plain && pieces.size() == 1 && pieces[0].size() <= kMaxShort)
        return send_short(static_cast<Opcode>(kind), pieces[0]);
    const std::size_t size = total(pieces);
    const FrameHead head{.opcode = static_cast<Opcode>(kind), .fin = true};
    if (compression_ && size != 0 && size >= shared_->options.deflate.from &&
        compressor() != nullptr) {
        std::pmr::vector<std::byte> small(connection_->memory());
        if (compression_->compress(pieces, size, small)) {
            auto compressed = head;
            compressed.compressed = true;
            const Bytes piece = small;
            return send_frame(compressed, {&piece, 1}, piece.size());
        }
    }
    return send_frame(head, pieces, size);
}

bool Engine::begin(Kind kind) {
    const bool sends = may_send();
    sending_ = Sending::first;
    sending_kind_ = kind;
    return sends;
}

bool Engine::send_fragment(Bytes piece, bool fin) {
    if (sending_ == Sending::whole) throw std::logic_error("part() or end() without begin()");
    const bool first = sending_ == Sending::first;
    sending_ = fin ? Sending::whole : Sending::later;
    if (closing()) return false;
    if (first)
        compresses_parts_ = !piece.empty() && piece.size() >= shared_->options.deflate.from &&
                            compressor() != nullptr;
    FrameHead head{.opcode = first ? static_cast<Opcode>(sending_kind_) : Opcode::continuation,
                   .fin = fin};
    if (!compresses_parts_) return send_frame(head, {&piece, 1}, piece.size());
    head.compressed = first;
    std::pmr::vector<std::byte> small(connection_->memory());
    fin ? compression_->end_parts() : compression_->compress_part(piece, small);
    const Bytes payload = small;
    return send_frame(head, {&payload, 1}, payload.size());
}

bool Engine::part(Bytes piece) {
    return send_fragment(piece, false);
}

bool Engine::end() {
    return send_fragment({}, true);
}

// ---- Control frames

void Engine::ping(Bytes payload) {
    if (closing()) return;
    const Bytes piece = payload.first(std::min(payload.size(), kMaxControl));
    send_frame({.opcode = Opcode::ping, .fin = true}, {&piece, 1}, piece.size());
}

void Engine::send_close(std::uint16_t code, std::string_view reason) {
    close_sent_ = true;
    const std::array<std::byte, 2> number{static_cast<std::byte>(code >> 8U),
                                          static_cast<std::byte>(code & 0xffU)};
    std::array<Bytes, 2> pieces{Bytes(number), as_bytes(front_of(reason, kMaxControl - 2))};
    if (code == code::kNone) pieces = {};
    send_frame({.opcode = Opcode::close, .fin = true}, pieces, total(pieces));
}

void Engine::close(std::uint16_t code, std::string_view reason) {
    if (closing()) return;
    send_close(code == code::kNone || is_close_code(code) ? code : code::kNormal, reason);
    await_end();
    if (paused_) resume();
}

}  // namespace switchboard::websocket::detail
