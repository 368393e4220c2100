// The compression of one connection (RFC 7692).
#pragma once

#include <memory>

#include "shared.hpp"

namespace switchboard::websocket::detail {

// What both ends agreed on. "Own" is the direction from this end to the peer.
struct Agreed {
    bool own_takeover = false, peer_takeover = false;
    unsigned own_bits = 15, peer_bits = 15;  // of the windows; 8 to 15

    friend bool operator==(const Agreed&, const Agreed&) = default;
};

// Streams are kept here only with takeover.
class Compression {
public:
    Compression(const Agreed& agreed, const std::shared_ptr<const Shared>& shared) noexcept
        : agreed_(agreed), shared_(*shared) {}

    // zlib has no raw streams with a window of 2^8 bytes.
    bool can_compress() const noexcept { return agreed_.own_bits >= 9; }
    unsigned own_bits() const noexcept { return agreed_.own_bits; }

    // Appends the payload of a compressed message. Returns false if it is better sent as it is. Throws
    // std::bad_alloc.
    bool compress(std::span<const Bytes> pieces, std::size_t size,
                  std::pmr::vector<std::byte>& out);
    // For a message in fragments: appends the payload of the next one; the first one must not be empty. The
    // last one has no payload, and end_parts() goes with it. Throws std::bad_alloc.
    void compress_part(Bytes piece, std::pmr::vector<std::byte>& out);
    void end_parts() noexcept;
    // Appends the message of a payload, at most `most` bytes.
    Inflater::Outcome decompress(Bytes payload, std::pmr::vector<std::byte>& out, std::size_t most);
    // The peer was sent a message that this object did not compress.
    void forget() noexcept {
        if (own_) own_->reset();
    }

private:
    Deflater& own_stream();

    const Agreed agreed_;
    const Shared& shared_;
    std::unique_ptr<Deflater> own_;
    DeflatePool::Lease<Deflater> lent_;  // without takeover, for a message in fragments
    bool held_ = false;                  // the end of the last fragment is not sent yet
    std::unique_ptr<Inflater> peers_;
};

// Compresses one message, and removes the end that the receiver adds (RFC 7692, 7.2.1).
void compress_message(Deflater& stream, std::span<const Bytes> pieces,
                      std::pmr::vector<std::byte>& out);

}  // namespace switchboard::websocket::detail
