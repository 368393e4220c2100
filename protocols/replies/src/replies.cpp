#include <switchboard/replies.hpp>

#include <algorithm>

namespace switchboard {
namespace {

constexpr std::size_t kPrefix = 4;
constexpr std::size_t kMostMessage = 512 * 1024;
constexpr std::size_t kPiece = 16 * 1024;  // size of the pieces in which a long reply is written

Framing request_framing() {
    return Framing::prefixed(kPrefix, std::endian::big, kMostMessage);
}

std::uint32_t read_length(Bytes in) {
    std::uint32_t value = 0;
    for (const std::byte byte : in.first(kPrefix))
        value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
}

// A reply may be longer than a request may be.
Framing::Head reply_head(std::uint32_t length) {
    static const Framing framing = Framing::prefixed(kPrefix, std::endian::big, UINT32_MAX);
    return framing.head(length);
}

}  // namespace

std::uint64_t do_work(std::uint64_t steps) noexcept {
    std::uint64_t state = steps;
    for (std::uint64_t i = 0; i < steps; ++i)
        state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    return state;
}

void LineEcho::on_line(Connection& connection, std::string_view line) {
    write_line(connection, line);
}

FrameEcho::FrameEcho() : FrameHandler(request_framing()) {}

void FrameEcho::on_frame(Connection& connection, MutableBytes frame) {
    write_frame(connection, framing(), frame);
}

Replier::Replier(std::uint64_t work) : FrameHandler(request_framing()), work_(work) {}

void Replier::on_frame(Connection& connection, MutableBytes frame) {
    const std::uint32_t wanted = frame.size() < kPrefix ? 0 : read_length(frame);
    if (frame.size() < kPrefix || (wanted > 0 && frame.size() == kPrefix)) {
        connection.close(errc::malformed_message);
        return;
    }
    // Volatile, because it would not be computed otherwise.
    [[maybe_unused]] const volatile std::uint64_t worked = do_work(work_);
    const Bytes body = Bytes(frame).subspan(kPrefix);
    const auto head = reply_head(wanted);
    if (wanted <= body.size()) {
        const Bytes reply[] = {head, body.first(wanted)};
        connection.write(reply);
        return;
    }
    connection.write(head);
    repeat(body, wanted);
    left_ = wanted;
    write_rest(connection);
}

// Doubles the piece each time, so that it contains only whole bodies.
void Replier::repeat(Bytes body, std::size_t wanted) {
    piece_.assign(body.begin(), body.end());
    while (piece_.size() < std::min(wanted, kPiece)) {
        const std::size_t size = piece_.size();
        piece_.resize(2 * size);
        std::copy_n(piece_.begin(), size, piece_.begin() + static_cast<std::ptrdiff_t>(size));
    }
}

// Reading is paused while a part of the reply is left, because the reply to the next request would be
// written in between.
void Replier::write_rest(Connection& connection) {
    const bool began = left_ > 0;
    for (bool goes_on = true; left_ > 0 && goes_on;) {
        const Bytes piece = Bytes(piece_).first(std::min<std::size_t>(left_, piece_.size()));
        left_ -= static_cast<std::uint32_t>(piece.size());
        goes_on = connection.write(piece);
    }
    if (left_ > 0) {
        connection.pause_reading();
    } else if (began) {
        connection.resume_reading();
    }
}

}  // namespace switchboard
