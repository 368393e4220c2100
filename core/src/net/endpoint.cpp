#include <switchboard/endpoint.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <switchboard/socket.hpp>

#include "base/parse_number.hpp"

namespace switchboard {
namespace {

using Parsed = tl::expected<Endpoint, std::string>;  // the error says what is wrong with the text

constexpr std::string_view kDigits = "0123456789", kHexDigits = "0123456789abcdefABCDEF";

tl::unexpected<std::string> wrong(std::string why) {
    return tl::unexpected(std::move(why));
}

// An IPv6 literal and its zone, "fe80::1%eth0" (RFC 4007, section 11).
struct Ipv6Text {
    std::string address;
    std::string zone;  // with its '%', or empty

    explicit Ipv6Text(std::string_view host) {
        const std::size_t percent = std::min(host.find('%'), host.size());
        address = host.substr(0, percent);
        zone = host.substr(percent);
    }
    std::optional<in6_addr> value() const {
        in6_addr value{};
        const bool good = zone != "%" && inet_pton(AF_INET6, address.c_str(), &value) == 1;
        return good ? std::optional(value) : std::nullopt;
    }
    // Returns 0 if there is no zone, and nothing if the zone names an interface that does not exist.
    std::optional<std::uint32_t> scope() const {
        if (zone.empty()) return 0;
        if (const auto index = detail::number<std::uint32_t>(zone.substr(1))) return index;
        const std::uint32_t index = if_nametoindex(zone.c_str() + 1);
        return index != 0 ? std::optional(index) : std::nullopt;
    }
};

std::optional<in_addr> ipv4(const std::string& host) {
    in_addr value{};
    return inet_pton(AF_INET, host.c_str(), &value) == 1 ? std::optional(value) : std::nullopt;
}

std::string print(int family, const void* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, address, text.data(), text.size());
    return text.data();
}

// Writes each address in one way only, so that equal addresses compare equal.
void make_canonical(std::string& host) {
    if (host.empty()) host = "*";
    const Ipv6Text text(host);
    if (const auto address = text.value()) host = print(AF_INET6, &*address) + text.zone;
}

bool in_host_name(char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool beyond_ascii = static_cast<unsigned char>(c) >= 0x80;
    return letter || beyond_ascii || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// A host whose last label is a decimal or hexadecimal number is an address and not a name, because no such
// top-level domain can exist. inet_aton(3) and getaddrinfo(3) read 127.1, 0177.0.0.1, 2130706433 and
// 0x7f000001 as 127.0.0.1, and other readers as other hosts. So only four decimal numbers are accepted here.
bool ends_in_number(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    std::string_view last = host.substr(host.rfind('.') + 1);
    const bool hexadecimal = last.starts_with("0x") || last.starts_with("0X");
    if (hexadecimal) last.remove_prefix(2);
    const std::string_view digits = hexadecimal ? kHexDigits : kDigits;
    const bool number = last.find_first_not_of(digits) == std::string_view::npos;
    return number && (hexadecimal || !last.empty());
}

using MakeInet = Endpoint (*)(std::string host, std::uint16_t port);

Parsed with_port(MakeInet make, std::string_view host, std::string_view text) {
    if (text.empty()) return wrong("the port is missing");
    const auto port = detail::number<std::uint16_t>(text);
    if (!port) return wrong("the port must be a number from 0 to 65535");
    return make(std::string(host), *port);
}

Parsed parse_bracketed(MakeInet make, std::string_view text) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return wrong("the closing ']' is missing");
    const std::string_view host = text.substr(1, close - 1);
    if (!Ipv6Text(host).value()) return wrong("the brackets do not contain an IPv6 address");
    const std::string_view rest = text.substr(close + 1);
    if (!rest.starts_with(':')) return wrong("':' and a port must follow the ']'");
    return with_port(make, host, rest.substr(1));
}

Parsed parse_inet(MakeInet make, std::string_view text) {
    if (text.starts_with('[')) return parse_bracketed(make, text);
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong("the port is missing");
    const std::string_view host = text.substr(0, colon);
    if (host.find(':') != std::string_view::npos)
        return wrong("an IPv6 address stands in brackets, as in [::1]:80");
    const bool name = std::all_of(host.begin(), host.end(), in_host_name);
    if (!name && host != "*") return wrong("the host contains an invalid character");
    if (ends_in_number(host) && !ipv4(std::string(host))) return wrong("not a valid IPv4 address");
    return with_port(make, host, text.substr(colon + 1));
}

Parsed parse_descriptor(std::string_view text) {
    const auto fd = detail::number<int>(text);
    if (!fd) return wrong("the descriptor must be a number from 0");
    return Endpoint::descriptor(*fd);
}

Parsed parse_form(std::string_view text) {
    const auto after = [&](std::string_view prefix) { return text.substr(prefix.size()); };
    if (text.empty()) return wrong("the endpoint is empty");
    if (text.starts_with("unix:")) return Endpoint::unix_path(std::string(after("unix:")));
    if (text.starts_with("fd:")) return parse_descriptor(after("fd:"));
    if (text.starts_with("tcp://")) return parse_inet(Endpoint::tcp, after("tcp://"));
    if (text.starts_with("udp://")) return parse_inet(Endpoint::udp, after("udp://"));
    if (text.find("://") != std::string_view::npos)
        return wrong("the scheme must be tcp://, udp://, unix: or fd:");
    return parse_inet(Endpoint::tcp, text);
}

// For messages, which must be one line whatever the text contains.
std::string quoted(std::string_view text) {
    std::string shown = "'" + std::string(text) + "'";
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c >= 0 && c < ' '; }, '?');
    return shown;
}

template <class Address>
SocketAddress wrap(const Address& address) {
    return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

SocketAddress ipv4_address(in_addr host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr = host;
    return wrap(address);
}

SocketAddress ipv6_address(const in6_addr& host, std::uint16_t port, std::uint32_t scope) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = host;
    address.sin6_scope_id = scope;
    return wrap(address);
}

using Addresses = std::vector<SocketAddress>;

tl::unexpected<Error> cannot_resolve(const Endpoint& endpoint, std::error_code code) {
    return fail(code, "resolve " + endpoint.to_string());
}

Result<Addresses> literal_addresses(const Endpoint& endpoint) {
    const std::uint16_t port = endpoint.port();
    if (endpoint.host() == "*")
        return Addresses{ipv6_address(in6addr_any, port, 0), ipv4_address({INADDR_ANY}, port)};
    if (const auto host = ipv4(endpoint.host())) return Addresses{ipv4_address(*host, port)};
    const Ipv6Text text(endpoint.host());
    const auto host = text.value();
    if (!host && ends_in_number(endpoint.host()))
        return cannot_resolve(endpoint, {EAI_NONAME, resolver_category()});
    if (!host) return Addresses{};
    const auto scope = text.scope();
    if (!scope) return cannot_resolve(endpoint, std::make_error_code(std::errc::no_such_device));
    return Addresses{ipv6_address(*host, port, *scope)};
}

// A path ends with a zero byte within sun_path; an abstract name begins with one, where "@" stands here,
// and may fill it (man 7 unix).
Result<Addresses> unix_addresses(const Endpoint& endpoint) {
    const std::string& path = endpoint.path();
    sockaddr_un address{};
    const std::size_t most = sizeof address.sun_path - (endpoint.is_abstract() ? 0 : 1);
    address.sun_family = AF_UNIX;
    if (path.empty() || path == "@" || path.find('\0') != std::string::npos)
        return cannot_resolve(endpoint, std::make_error_code(std::errc::invalid_argument));
    if (path.size() > most)
        return cannot_resolve(endpoint, std::make_error_code(std::errc::filename_too_long));
    std::memcpy(address.sun_path, path.data(), path.size());
    if (!endpoint.is_abstract()) return Addresses{wrap(address)};
    address.sun_path[0] = '\0';  // the name ends where the size says
    const auto size = offsetof(sockaddr_un, sun_path) + path.size();
    return Addresses{{reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)}};
}

std::error_code resolver_error(int code) {
    if (code == EAI_SYSTEM) return {errno, std::system_category()};
    return {code, resolver_category()};
}

// A zero byte would cut the name short, and a different name would be looked up.
Result<Addresses> look_up(const Endpoint& endpoint) {
    if (endpoint.host().find('\0') != std::string::npos)
        return cannot_resolve(endpoint, {EAI_NONAME, resolver_category()});
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(endpoint.port());
    const int code = getaddrinfo(endpoint.host().c_str(), port.c_str(), &hints, &found);
    if (code != 0) return cannot_resolve(endpoint, resolver_error(code));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
    Addresses addresses;
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next)
        addresses.emplace_back(entry->ai_addr, entry->ai_addrlen);
    return addresses;
}

std::string ipv6_host(const sockaddr_in6& address) {
    if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr))
        return print(AF_INET, &address.sin6_addr.s6_addr[12]);
    std::string host = print(AF_INET6, &address.sin6_addr);
    if (address.sin6_scope_id != 0) {
        std::array<char, IF_NAMESIZE> name{};
        const bool named = if_indextoname(address.sin6_scope_id, name.data()) != nullptr;
        host += "%" + (named ? name.data() : std::to_string(address.sin6_scope_id));
    }
    return host;
}

// An abstract name (man 7 unix) starts with a zero byte. A name with more zero bytes cannot be written as an
// endpoint, and counts as unnamed.
Endpoint from_unix(const sockaddr_un& address, std::size_t size) {
    const std::size_t start = offsetof(sockaddr_un, sun_path);
    const std::size_t most = size > start ? size - start : 0;
    if (most > 1 && address.sun_path[0] == '\0') {
        const std::string_view name(address.sun_path + 1, most - 1);
        const bool plain = name.find('\0') == std::string_view::npos;
        return Endpoint::unix_path(plain ? "@" + std::string(name) : "");
    }
    const std::string path(address.sun_path, strnlen(address.sun_path, most));
    return Endpoint::unix_path(path.starts_with('@') ? "./" + path : path);
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
    const auto why = [&](const std::string& what) {
        return Error(errc::bad_endpoint, quoted(text) + ": " + what);
    };
    return parse_form(text).map_error(why);
}

Endpoint Endpoint::tcp(std::string host, std::uint16_t port) {
    return inet(Kind::tcp, std::move(host), port);
}

Endpoint Endpoint::udp(std::string host, std::uint16_t port) {
    return inet(Kind::udp, std::move(host), port);
}

Endpoint Endpoint::inet(Kind kind, std::string host, std::uint16_t port) {
    make_canonical(host);
    Endpoint endpoint;
    endpoint.kind_ = kind;
    endpoint.text_ = std::move(host);
    endpoint.port_ = port;
    return endpoint;
}

// Leading slashes are replaced by one, so that unix:///path is the same as unix:/path.
Endpoint Endpoint::unix_path(std::string path) {
    if (path.starts_with('/'))
        path.erase(0, std::min(path.find_first_not_of('/'), path.size()) - 1);
    Endpoint endpoint;
    endpoint.kind_ = Kind::unix_path;
    endpoint.text_ = std::move(path);
    return endpoint;
}

Endpoint Endpoint::descriptor(int fd) {
    assert(fd >= 0);
    Endpoint endpoint;
    endpoint.kind_ = Kind::descriptor;
    endpoint.fd_ = fd;
    return endpoint;
}

Endpoint Endpoint::from(const SocketAddress& address, Kind kind) {
    const sockaddr* data = address.data();
    switch (address.family()) {
        case AF_INET: {
            const auto& in = *reinterpret_cast<const sockaddr_in*>(data);
            return inet(kind, print(AF_INET, &in.sin_addr), ntohs(in.sin_port));
        }
        case AF_INET6: {
            const auto& in6 = *reinterpret_cast<const sockaddr_in6*>(data);
            return inet(kind, ipv6_host(in6), ntohs(in6.sin6_port));
        }
        case AF_UNIX: return from_unix(*reinterpret_cast<const sockaddr_un*>(data), address.size());
        default: return {};
    }
}

Endpoint Endpoint::with_port(std::uint16_t port) const {
    Endpoint endpoint = *this;
    if (is_inet()) endpoint.port_ = port;
    return endpoint;
}

std::string Endpoint::to_string() const {
    switch (kind_) {
        case Kind::none: return "";
        case Kind::unix_path: return "unix:" + text_;
        case Kind::descriptor: return "fd:" + std::to_string(fd_);
        case Kind::tcp:
        case Kind::udp: break;
    }
    const bool brackets = text_.find(':') != std::string::npos;
    const std::string host = brackets ? "[" + text_ + "]" : text_;
    const std::string scheme = kind_ == Kind::tcp ? "tcp://" : "udp://";
    return scheme + host + ":" + std::to_string(port_);
}

Result<std::vector<SocketAddress>> Endpoint::addresses() const {
    switch (kind_) {
        case Kind::tcp:
        case Kind::udp: return literal_addresses(*this);
        case Kind::unix_path: return unix_addresses(*this);
        case Kind::descriptor: return cannot_resolve(*this, errc::unsupported);
        case Kind::none: break;
    }
    return cannot_resolve(*this, errc::bad_endpoint);
}

Result<std::vector<SocketAddress>> Endpoint::resolve() const {
    auto known = addresses();
    if (!known || !known->empty()) return known;
    return look_up(*this);
}

}  // namespace switchboard
