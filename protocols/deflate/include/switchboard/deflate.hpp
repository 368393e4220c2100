// Raw deflate (RFC 1951) by zlib: streams for compression and decompression, and a pool that shares them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <span>
#include <switchboard/bytes.hpp>
#include <vector>

struct z_stream_s;

namespace switchboard {

// A compressor uses 2^(window_bits + 2) + 2^(memory_level + 9) bytes: 256 KiB by default. A decompressor uses
// 7 KiB, and 2^window_bits more once it is used.
struct DeflateOptions {
    unsigned window_bits = 15;  // 9 to 15
    unsigned memory_level = 8;  // 1 to 9
    unsigned level = 6;         // 1 (fast) to 9 (small)

    friend bool operator==(const DeflateOptions&, const DeflateOptions&) = default;
};

// A compressor. Throws std::bad_alloc if there is no memory. Threading: one thread at a time.
class Deflater {
public:
    explicit Deflater(const DeflateOptions& options = {});
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    ~Deflater();

    // Compresses the pieces and appends the result to `out`. It ends at a byte boundary with an empty stored
    // block (00 00 ff ff), so that the receiver can decompress all of it. Appends nothing if there are no
    // bytes to compress.
    void compress(std::span<const Bytes> pieces, std::pmr::vector<std::byte>& out);
    // Forgets what was compressed: the next output refers to nothing before it.
    void reset() noexcept;

private:
    void run(int flush, std::pmr::vector<std::byte>& out);

    const std::unique_ptr<z_stream_s> stream_;
};

// A decompressor. Throws std::bad_alloc if there is no memory. Threading: one thread at a time.
class Inflater {
public:
    enum class Outcome : std::uint8_t {
        ok,
        malformed,  // not deflate
        too_large,  // more than `most` bytes
    };

    // 8 to 15, and no fewer than the sender's: whether a reference to bytes before the window is noticed
    // depends on how the input is split.
    explicit Inflater(unsigned window_bits = 15);
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater();

    // Decompresses `in` and appends the result to `out`, which grows to at most `most` bytes (less than
    // SIZE_MAX). The stream may go on after its final block, as RFC 7692 (7.2.3.4) allows. After an outcome
    // other than ok only reset() is of use.
    [[nodiscard]] Outcome decompress(Bytes in, std::pmr::vector<std::byte>& out, std::size_t most);
    // Returns whether the input so far ends where a block does, so that none of it is held back.
    bool is_between_blocks() const noexcept;
    void reset() noexcept;

private:
    const std::unique_ptr<z_stream_s> stream_;
};

// Streams that are lent for the time of one call, so that connections need none of their own. A pool keeps at
// most `kMostKept` unused streams of each kind. Threading: several threads may use it. It must outlive what
// it lends.
class DeflatePool {
public:
    static constexpr std::size_t kMostKept = 8;

    // `options` are those of the compressors; the window bits are given for each.
    explicit DeflatePool(const DeflateOptions& options = {}) : options_(options) {}

    // Gives the stream back, as new.
    template <class Stream>
    struct GiveBack {
        DeflatePool* pool = nullptr;
        std::size_t kind = 0;
        void operator()(Stream* stream) const noexcept;
    };
    template <class Stream>
    using Lease = std::unique_ptr<Stream, GiveBack<Stream>>;

    // Return a stream that is as new. Throw std::bad_alloc.
    Lease<Deflater> deflater(unsigned window_bits = 15);  // 9 to 15
    Lease<Inflater> inflater();                           // for every window

    std::size_t kept() const;  // unused streams

private:
    template <class Stream>
    using Unused = std::vector<std::unique_ptr<Stream>>;

    Unused<Deflater>& unused(const Deflater*, std::size_t kind) { return deflaters_[kind]; }
    Unused<Inflater>& unused(const Inflater*, std::size_t) { return inflaters_; }

    const DeflateOptions options_;
    mutable std::mutex mutex_;
    std::array<Unused<Deflater>, 16> deflaters_;  // by window bits
    Unused<Inflater> inflaters_;
};

}  // namespace switchboard
