#include <switchboard/deflate.hpp>
#include <utility>

namespace switchboard {
namespace {

template <class Stream>
std::unique_ptr<Stream> take_last(std::mutex& mutex, std::vector<std::unique_ptr<Stream>>& unused) {
    const std::lock_guard lock(mutex);
    if (unused.empty()) {
        unused.reserve(DeflatePool::kMostKept);  // giving back must not allocate
        return nullptr;
    }
    auto stream = std::move(unused.back());
    unused.pop_back();
    return stream;
}

}  // namespace

template <class Stream>
void DeflatePool::GiveBack<Stream>::operator()(Stream* stream) const noexcept {
    std::unique_ptr<Stream> owned(stream);
    owned->reset();
    const std::lock_guard lock(pool->mutex_);
    auto& unused = pool->unused(stream, kind);
    if (unused.size() < kMostKept) unused.push_back(std::move(owned));
}

template struct DeflatePool::GiveBack<Deflater>;
template struct DeflatePool::GiveBack<Inflater>;

DeflatePool::Lease<Deflater> DeflatePool::deflater(unsigned window_bits) {
    auto stream = take_last(mutex_, deflaters_[window_bits]);
    if (!stream) {
        auto options = options_;
        options.window_bits = window_bits;
        stream = std::make_unique<Deflater>(options);
    }
    return {stream.release(), GiveBack<Deflater>{this, window_bits}};
}

DeflatePool::Lease<Inflater> DeflatePool::inflater() {
    auto stream = take_last(mutex_, inflaters_);
    if (!stream) stream = std::make_unique<Inflater>();
    return {stream.release(), GiveBack<Inflater>{this, 0}};
}

std::size_t DeflatePool::kept() const {
    const std::lock_guard lock(mutex_);
    std::size_t count = inflaters_.size();
    for (const auto& unused : deflaters_) count += unused.size();
    return count;
}

}  // namespace switchboard
