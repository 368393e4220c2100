// Version 1: one line of text (2.1).
#include "ip_address.hpp"
#include "parse.hpp"
#include "text.hpp"
#include "wire.hpp"

namespace switchboard::detail {
namespace {

using ReadAddress = std::optional<IpAddress>(std::string_view text);

Result<Endpoint> read_endpoint(ReadAddress* read, const std::string& role, std::string_view address,
                               std::string_view port) {
    const auto ip = read(address);
    if (!ip) return malformed("invalid " + role + " address " + quoted(address));
    const auto number = plain_number<std::uint16_t>(port);
    if (!number) return malformed("invalid " + role + " port " + quoted(port));
    return Endpoint::tcp(text_of(*ip), *number);
}

Result<ProxyHeader> read_fields(ReadAddress* read, const std::vector<std::string_view>& fields) {
    if (fields.size() != 5)
        return malformed("expected a protocol, two addresses and two ports, one space before each");
    const auto source = read_endpoint(read, "source", fields[1], fields[3]);
    if (!source) return tl::unexpected(source.error());
    const auto destination = read_endpoint(read, "destination", fields[2], fields[4]);
    if (!destination) return tl::unexpected(destination.error());
    return ProxyHeader{.version = 1, .source = *source, .destination = *destination};
}

// `line` does not contain the CRLF.
Result<ProxyHeader> read_line(std::string_view line) {
    const auto fields = split(line.substr(kLineStart.size()), ' ');
    if (fields[0] == "UNKNOWN") return ProxyHeader{.version = 1};
    if (fields[0] == "TCP4") return read_fields(read_ipv4, fields);
    if (fields[0] == "TCP6") return read_fields(read_ipv6, fields);
    return malformed("unknown protocol " + quoted(fields[0]) + "; expected TCP4, TCP6 or UNKNOWN");
}

}  // namespace

Result<ProxyFront> parse_line(std::string_view in) {
    const std::string_view most = in.substr(0, kMaxLine);
    const std::size_t end = most.find("\r\n");
    const std::string_view line = most.substr(0, end);
    // After UNKNOWN everything is ignored. In other lines an LF without a CR can never become valid.
    if (!line.starts_with("PROXY UNKNOWN ") && line.find('\n') != std::string_view::npos)
        return malformed("a line feed without a carriage return before it");
    if (end == std::string_view::npos && most.size() < kMaxLine) return ProxyFront{};
    if (end == std::string_view::npos) return malformed("no CRLF within 107 bytes");
    return read_line(line).map([&](ProxyHeader header) {
        return ProxyFront{end + 2, std::move(header)};
    });
}

}  // namespace switchboard::detail
