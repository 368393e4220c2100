#include "gunzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

namespace switchboard::http::detail {
namespace {

constexpr int kGzipOnly = 16;  // added to the window bits; man zlib, inflateInit2()

}  // namespace

Gunzip::Gunzip()
    : stream_(std::make_unique<z_stream>()), output_(std::make_unique<std::byte[]>(kPart)) {
    if (inflateInit2(stream_.get(), MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
}

Gunzip::~Gunzip() {
    inflateEnd(stream_.get());
}

Gunzip::Outcome Gunzip::next(Bytes& part) {
    while (used_ < input_.size() || more_out_) {
        if (used_ < input_.size() && between_members_) {
            inflateReset(stream_.get());
            between_members_ = false;
        }
        const std::size_t most = std::numeric_limits<uInt>::max();
        const std::size_t offered = std::min(input_.size() - used_, most);
        stream_->next_in = reinterpret_cast<Bytef*>(input_.data() + used_);
        stream_->avail_in = static_cast<uInt>(offered);
        stream_->next_out = reinterpret_cast<Bytef*>(output_.get());
        stream_->avail_out = static_cast<uInt>(kPart);
        const int result = inflate(stream_.get(), Z_NO_FLUSH);
        used_ += offered - stream_->avail_in;
        more_out_ = stream_->avail_out == 0 && result != Z_STREAM_END;
        if (result == Z_MEM_ERROR) throw std::bad_alloc();
        if (result == Z_STREAM_END) {
            between_members_ = true;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            return Outcome::malformed;
        }
        part = Bytes(output_.get(), kPart - stream_->avail_out);
        if (!part.empty()) return Outcome::data;
    }
    input_.clear();
    used_ = 0;
    return Outcome::needs_more;
}

}  // namespace switchboard::http::detail
