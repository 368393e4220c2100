#include "compression.hpp"

namespace switchboard::websocket::detail {
namespace {

constexpr std::byte kEnd[] = {std::byte{0}, std::byte{0}, std::byte{0xff}, std::byte{0xff}};

}  // namespace

void compress_message(Deflater& stream, std::span<const Bytes> pieces,
                      std::pmr::vector<std::byte>& out) {
    stream.compress(pieces, out);
    out.resize(out.size() - sizeof kEnd);
}

Deflater& Compression::own_stream() {
    if (!own_) {
        auto options = shared_.options.deflate.stream;
        options.window_bits = agreed_.own_bits;
        own_ = std::make_unique<Deflater>(options);
    }
    return *own_;
}

bool Compression::compress(std::span<const Bytes> pieces, std::size_t size,
                           std::pmr::vector<std::byte>& out) {
    if (!agreed_.own_takeover) {
        compress_message(*shared_.pool.deflater(agreed_.own_bits), pieces, out);
        return out.size() < size;
    }
    compress_message(own_stream(), pieces, out);
    return true;  // the window of the compressor contains it now, so the peer's must too
}

// What is compressed ends with the four bytes of kEnd. They go before the next fragment, because the receiver
// adds those of the last one.
void Compression::compress_part(Bytes piece, std::pmr::vector<std::byte>& out) {
    if (piece.empty()) return;
    if (!agreed_.own_takeover && !lent_) lent_ = shared_.pool.deflater(agreed_.own_bits);
    if (held_) out.insert(out.end(), std::begin(kEnd), std::end(kEnd));
    compress_message(lent_ ? *lent_ : own_stream(), {&piece, 1}, out);
    held_ = true;
}

void Compression::end_parts() noexcept {
    lent_.reset();
    held_ = false;
}

Inflater::Outcome Compression::decompress(Bytes payload, std::pmr::vector<std::byte>& out,
                                          std::size_t most) {
    const auto run = [&](Inflater& stream) {
        auto outcome = stream.decompress(payload, out, most);
        if (outcome == Inflater::Outcome::ok) outcome = stream.decompress(kEnd, out, most);
        if (outcome != Inflater::Outcome::ok || stream.is_between_blocks()) return outcome;
        return Inflater::Outcome::malformed;
    };
    if (!agreed_.peer_takeover) return run(*shared_.pool.inflater());
    if (!peers_) peers_ = std::make_unique<Inflater>(agreed_.peer_bits);
    return run(*peers_);
}

}  // namespace switchboard::websocket::detail
