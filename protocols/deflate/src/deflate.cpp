#include <zlib.h>
#include <algorithm>
#include <limits>
#include <new>
#include <switchboard/deflate.hpp>

namespace switchboard {
namespace {

constexpr std::size_t kMostAtOnce = std::numeric_limits<uInt>::max();

// zlib does not change the input, but its interface has no const.
void set_input(z_stream& stream, Bytes in) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream.avail_in = static_cast<uInt>(in.size());
}

// Makes room for `more` bytes behind `out`, which ends at `used`.
void set_output(z_stream& stream, std::pmr::vector<std::byte>& out, std::size_t used,
                std::size_t more) {
    more = std::min(more, kMostAtOnce);
    out.resize(used + more);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(more);
}

}  // namespace

Deflater::Deflater(const DeflateOptions& options) : stream_(std::make_unique<z_stream>()) {
    const int made = deflateInit2(stream_.get(), static_cast<int>(options.level), Z_DEFLATED,
                                  -static_cast<int>(options.window_bits),
                                  static_cast<int>(options.memory_level), Z_DEFAULT_STRATEGY);
    if (made != Z_OK) throw std::bad_alloc();
}

Deflater::~Deflater() {
    deflateEnd(stream_.get());
}

void Deflater::reset() noexcept {
    deflateReset(stream_.get());
}

void Deflater::run(int flush, std::pmr::vector<std::byte>& out) {
    // More room than a flush marker needs: otherwise zlib would write a second one.
    constexpr std::size_t kLeast = 64;
    do {
        const std::size_t used = out.size();
        set_output(*stream_, out, used, std::max(used, kLeast + stream_->avail_in / 2));
        const std::size_t room = stream_->avail_out;
        deflate(stream_.get(), flush);
        out.resize(used + room - stream_->avail_out);
        if (stream_->avail_out != 0) return;
    } while (true);
}

void Deflater::compress(std::span<const Bytes> pieces, std::pmr::vector<std::byte>& out) {
    bool any = false;
    for (Bytes piece : pieces) {
        while (!piece.empty()) {
            const Bytes part = piece.first(std::min(piece.size(), kMostAtOnce));
            piece = piece.subspan(part.size());
            set_input(*stream_, part);
            run(Z_NO_FLUSH, out);
            any = true;
        }
    }
    if (any) run(Z_SYNC_FLUSH, out);
}

Inflater::Inflater(unsigned window_bits) : stream_(std::make_unique<z_stream>()) {
    if (inflateInit2(stream_.get(), -static_cast<int>(window_bits)) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() {
    inflateEnd(stream_.get());
}

bool Inflater::is_between_blocks() const noexcept {
    return (stream_->data_type & 128) != 0;  // zlib.h, inflate()
}

void Inflater::reset() noexcept {
    inflateReset(stream_.get());
}

Inflater::Outcome Inflater::decompress(Bytes in, std::pmr::vector<std::byte>& out,
                                       std::size_t most) {
    bool more_out = false;  // zlib may hold output, as there was no room for it
    Outcome outcome = Outcome::ok;
    std::size_t used = out.size();  // what follows is room
    while (outcome == Outcome::ok && (!in.empty() || more_out)) {
        const Bytes part = in.first(std::min(in.size(), kMostAtOnce));
        set_input(*stream_, part);
        // One byte above the limit shows that there is more.
        if (used == out.size())
            out.resize(used +
                       std::min(std::max({used, part.size(), std::size_t{256}}), most - used + 1));
        const std::size_t offered = std::min(out.size() - used, kMostAtOnce);
        stream_->next_out = reinterpret_cast<Bytef*>(out.data() + used);
        stream_->avail_out = static_cast<uInt>(offered);
        const int result = inflate(stream_.get(), Z_SYNC_FLUSH);
        used += offered - stream_->avail_out;
        in = in.subspan(part.size() - stream_->avail_in);
        more_out = stream_->avail_out == 0;
        if (used > most) {
            outcome = Outcome::too_large;
        } else if (result == Z_STREAM_END) {
            inflateResetKeep(stream_.get());
        } else if (result == Z_MEM_ERROR) {
            throw std::bad_alloc();
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            outcome = Outcome::malformed;
        }
    }
    out.resize(used);
    return outcome;
}

}  // namespace switchboard
