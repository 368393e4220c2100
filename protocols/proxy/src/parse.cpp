#include "parse.hpp"

#include <switchboard/proxy.hpp>

#include "wire.hpp"

namespace switchboard {
namespace {

// Compares as many bytes as the shorter text has.
bool begin_alike(std::string_view a, std::string_view b) {
    return a.substr(0, b.size()) == b.substr(0, a.size());
}

}  // namespace

namespace detail {

tl::unexpected<Error> malformed(const std::string& why) {
    return fail(errc::malformed_message, "PROXY header: " + why);
}

}  // namespace detail

Result<ProxyFront> parse_proxy_header(Bytes in, std::size_t max_size) {
    if (in.empty()) return ProxyFront{};
    if (begin_alike(as_text(in), detail::kLineStart)) return detail::parse_line(as_text(in));
    if (begin_alike(as_text(in), detail::kSignature)) return detail::parse_binary(in, max_size);
    return detail::malformed("the bytes begin with neither 'PROXY ' nor the version 2 signature");
}

}  // namespace switchboard
