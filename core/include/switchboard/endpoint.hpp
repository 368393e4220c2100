// Where to listen or connect, as people write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <vector>

struct sockaddr;

namespace switchboard {

class SocketAddress;

// A value: compares, copies, prints. Forms, and what they print as:
//
//     127.0.0.1:80  tcp://127.0.0.1:80     tcp://127.0.0.1:80
//     [::1]:80      tcp://[fe80::1%eth0]:1 tcp://[::1]:80
//     localhost:80  tcp://example.org:80   tcp://localhost:80     (resolved when used)
//     :80           tcp://*:80             tcp://*:80             (any address, IPv6 and IPv4)
//     udp://127.0.0.1:53, udp://*:53, ...  the same with udp://   (for datagrams; never left out)
//     unix:/path    unix:///path           unix:/path             (leading slashes become one)
//     unix:path                            unix:path              (from the working directory)
//     unix:@name                           unix:@name             (Linux: an abstract name, no file)
//     fd:3                                 fd:3                   (a descriptor this process has)
//
// parse(e.to_string()) == e for every Endpoint but the default one. "0.0.0.0:80" is any IPv4 address,
// "[::]:80" any IPv6 address and no IPv4 one; "*" is both. An abstract name (man 7 unix) is gone with its
// listener, and has no owner or mode: anyone may connect. A path that begins so is unix:./@name. On Linux a
// path and an abstract name have up to 107 bytes each.
//
// An IPv4 address is four decimal numbers. A host that ends in any other number, decimal or hexadecimal
// (127.1, 2130706433, 0x7f000001), is refused by parse() and has no addresses: it is neither looked up nor
// read as inet_aton(3) reads it.
class Endpoint {
public:
    enum class Kind : std::uint8_t { none, tcp, udp, unix_path, descriptor };

    Endpoint() = default;  // Kind::none; prints as ""
    // errc::bad_endpoint, whose message names the text and what is wrong with it.
    static Result<Endpoint> parse(std::string_view text);
    static Endpoint tcp(std::string host, std::uint16_t port);  // "*" is any address; no brackets
    static Endpoint udp(std::string host, std::uint16_t port);  // the same, for datagrams
    static Endpoint unix_path(std::string path);                // "" is an unnamed peer
    static Endpoint descriptor(int fd);
    // An IPv4-mapped address prints as IPv4. `kind` is that of IPv4 and IPv6 addresses.
    static Endpoint from(const SocketAddress& address, Kind kind = Kind::tcp);

    Kind kind() const noexcept { return kind_; }
    bool is_abstract() const noexcept { return kind_ == Kind::unix_path && text_.starts_with('@'); }
    bool is_inet() const noexcept { return kind_ == Kind::tcp || kind_ == Kind::udp; }
    const std::string& host() const noexcept { return text_; }  // tcp and udp, without brackets
    const std::string& path() const noexcept { return text_; }  // Kind::unix_path
    std::uint16_t port() const noexcept { return port_; }       // tcp and udp; 0 binds a free one
    int fd() const noexcept { return fd_; }                     // Kind::descriptor, else -1
    Endpoint with_port(std::uint16_t port) const;
    std::string to_string() const;

    // The addresses it stands for, in the order to try them, never empty. Literals and "*" answer at
    // once; names ask getaddrinfo (RFC 3493), which may block. Kind::descriptor: errc::unsupported.
    Result<std::vector<SocketAddress>> resolve() const;
    // The same where it needs no name look-up; a name answers an empty list. Never blocks.
    Result<std::vector<SocketAddress>> addresses() const;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;

private:
    static Endpoint inet(Kind kind, std::string host, std::uint16_t port);

    Kind kind_ = Kind::none;
    std::uint16_t port_ = 0;
    int fd_ = -1;
    std::string text_;
};

}  // namespace switchboard
