// The parser of each version; see parse_proxy_header().
#pragma once

#include <string>
#include <switchboard/proxy.hpp>

namespace switchboard::detail {

tl::unexpected<Error> malformed(const std::string& why);

// Both are called with bytes that begin as the version does.
Result<ProxyFront> parse_line(std::string_view in);
Result<ProxyFront> parse_binary(Bytes in, std::size_t max_size);

}  // namespace switchboard::detail
