// A PROXY header that was parsed can be encoded, and has the same meaning when it is parsed again. Each of
// its prefixes is incomplete, and bytes after it make no difference.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <switchboard/proxy.hpp>

namespace {

constexpr std::size_t kMost = 65'551;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace switchboard;
    const Bytes in(reinterpret_cast<const std::byte*>(data), size);
    const auto front = parse_proxy_header(in, kMost);
    if (!front || front->size == 0) return 0;
    const Bytes header = in.first(front->size);
    require(parse_proxy_header(header, kMost)->header == front->header);
    require(parse_proxy_header(header.first(header.size() - 1), kMost)->size == 0);
    require(parse_proxy_header(header.first(header.size() / 2), kMost)->size == 0);
    front->header.ssl();
    const auto encoded = encode_proxy_header(front->header);
    require(encoded.has_value());
    const auto again = parse_proxy_header(as_bytes(*encoded), kMost);
    require(again && again->size == encoded->size() && again->header == front->header);
    return 0;
}
