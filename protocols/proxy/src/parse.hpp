// The parser of each version; see parse_proxy_header().
#pragma once

#include <string>
#include <switchboard/proxy.hpp>

namespace switchboard::detail {

tl::unexpected<Error> malformed(const std::string& why);

// `in` must begin with the start of that version.
Result<ProxyFront> parse_line(std::string_view in);
Result<ProxyFront> parse_binary(Bytes in, std::size_t max_size);

}  // namespace switchboard::detail
