// Endpoint: an address to listen at or connect to, in the form that people write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <vector>

struct sockaddr;

namespace switchboard {

class SocketAddress;

// A value that can be compared, copied and printed. The accepted forms, and what to_string() prints for them:
//
//     127.0.0.1:80  tcp://127.0.0.1:80     tcp://127.0.0.1:80
//     [::1]:80      tcp://[fe80::1%eth0]:1 tcp://[::1]:80
//     localhost:80  tcp://example.org:80   tcp://localhost:80     (a name, resolved when used)
//     :80           tcp://*:80             tcp://*:80             (any address, IPv6 and IPv4)
//     udp://127.0.0.1:53, udp://*:53, ...  the same with udp://   (for datagrams; udp:// is required)
//     unix:/path    unix:///path           unix:/path             (leading slashes become one)
//     unix:path                            unix:path              (relative to the working directory)
//     unix:@name                           unix:@name             (Linux: an abstract name, no file)
//     fd:3                                 fd:3                   (a descriptor that is already open)
//
// parse(e.to_string()) == e for every Endpoint except the default one. "0.0.0.0:80" is any IPv4 address,
// "[::]:80" is any IPv6 address but no IPv4 address, and "*" is both. An abstract name (man 7 unix) ends with
// its listener and has no owner or mode: any process may connect. A path that begins with '@' is written
// unix:./@name. On Linux a path or an abstract name has at most 107 bytes.
//
// An IPv4 address is four decimal numbers. parse() refuses a host that ends in any other number, decimal or
// hexadecimal (127.1, 2130706433, 0x7f000001). An Endpoint made with such a host has no addresses: the host
// is not looked up, and not interpreted as inet_aton(3) does.
class Endpoint {
public:
    enum class Kind : std::uint8_t { none, tcp, udp, unix_path, descriptor };

    Endpoint() = default;  // Kind::none; prints as ""
    // Errors: errc::bad_endpoint. The message quotes the text and says what is wrong with it.
    [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
    static Endpoint tcp(std::string host, std::uint16_t port);  // "*" is any address; no brackets
    static Endpoint udp(std::string host, std::uint16_t port);  // the same, for datagrams
    static Endpoint unix_path(std::string path);                // "" is an unnamed peer
    static Endpoint descriptor(int fd);
    // Makes the endpoint of an address. An IPv4-mapped address becomes the IPv4 address. `kind` is the kind
    // given to IPv4 and IPv6 addresses.
    static Endpoint from(const SocketAddress& address, Kind kind = Kind::tcp);

    Kind kind() const noexcept { return kind_; }
    bool is_abstract() const noexcept { return kind_ == Kind::unix_path && text_.starts_with('@'); }
    bool is_inet() const noexcept { return kind_ == Kind::tcp || kind_ == Kind::udp; }
    const std::string& host() const noexcept { return text_; }  // tcp and udp, without brackets
    const std::string& path() const noexcept { return text_; }  // Kind::unix_path
    std::uint16_t port() const noexcept { return port_; }       // tcp and udp; 0: any free port
    int fd() const noexcept { return fd_; }                     // Kind::descriptor, else -1
    Endpoint with_port(std::uint16_t port) const;
    std::string to_string() const;

    // Returns the addresses of the endpoint in the order to try them; never an empty list. Literals and "*"
    // need no look-up. Names are looked up with getaddrinfo (RFC 3493), which may block. Errors:
    // errc::unsupported for Kind::descriptor.
    [[nodiscard]] Result<std::vector<SocketAddress>> resolve() const;
    // The same without a name look-up: for a name it returns an empty list. Never blocks.
    [[nodiscard]] Result<std::vector<SocketAddress>> addresses() const;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;

private:
    static Endpoint inet(Kind kind, std::string host, std::uint16_t port);

    Kind kind_ = Kind::none;
    std::uint16_t port_ = 0;
    int fd_ = -1;
    std::string text_;
};

}  // namespace switchboard
