// HTTP/1.1 (RFC 9110, RFC 9112): a server. The parser is strict; protocols/http/README.md lists what it
// refuses.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <switchboard/protocol.hpp>

namespace switchboard::http {

namespace detail {
struct Head;
class HeadText;
struct Captures;
class Router;
class Exchange;
}  // namespace detail

// A header field as received. Names compare without case. Spaces around the value are removed.
struct Field {
    std::string_view name, value;
};

// A request. Its texts are views of what was read: they are valid until the handler returns.
class Request {
public:
    std::string_view method() const noexcept;  // "GET", case-sensitive (RFC 9110, section 9.1)
    std::string_view target() const noexcept;  // "/a%20b?x=1", as received
    std::string_view path()
        const noexcept;  // "/a%20b", also of an absolute target; "*" for OPTIONS *
    std::string_view query() const noexcept;  // "x=1", without the question mark; may be empty
    std::string_view host()
        const noexcept;  // the Host field; empty if an HTTP/1.0 request has none
    // Returns the part of the path that the route's "{name}" stands for, percent-decoded; empty if the route
    // has no such name. An invalid "%" stays as it is.
    std::string parameter(std::string_view name) const;
    std::string_view field(
        std::string_view name) const noexcept;  // the first of that name, or empty
    std::span<const Field> fields() const noexcept;
    Bytes body() const noexcept { return body_; }  // whole, without its chunk framing
    Connection& connection() const noexcept { return connection_; }

private:
    friend class detail::Exchange;
    Request(const detail::Head& head, Bytes body, const detail::Captures& captures,
            Connection& connection) noexcept
        : head_(head), body_(body), captures_(captures), connection_(connection) {}

    const detail::Head& head_;
    Bytes body_;
    const detail::Captures& captures_;
    Connection& connection_;
};

// The answer to one request, valid until the handler returns. If a handler throws before it has sent an
// answer, or sends none, the answer is 500 and the connection ends with errc::handler_failed. The server
// itself adds Date, Connection, Content-Length and, to 405, Allow.
class Response {
public:
    // Default: 200. Throws std::invalid_argument unless 200 <= code <= 599.
    Response& status(unsigned code);
    // Adds a field. Throws std::invalid_argument if the name is no token, if the value has a control
    // character other than a tab, or if the field frames the message (Content-Length, Transfer-Encoding,
    // Connection, Upgrade, Date).
    Response& field(std::string_view name, std::string_view value);
    Response& type(std::string_view content_type) { return field("Content-Type", content_type); }
    // Sends the answer, in one write. The body is not sent for HEAD, 204 and 304. Throws std::logic_error if
    // an answer was already sent.
    void send(std::string_view body = {});
    void send(SharedBytes body);  // the same, without copying the body
    // The same with a part of a file as the body; the system copies it (Connection::send_file()). Only its
    // length is sent for HEAD. Reading a file can block the thread for as long as the disk takes. Throws
    // std::invalid_argument if there is no file.
    void send_file(FileRange body);
    // Answers 101 and replaces the protocol of the connection (RFC 9110, section 7.8). `next` gets the bytes
    // behind the request. Throws std::logic_error if the client did not ask for `protocol`, or if an answer
    // was already sent.
    void upgrade(std::string_view protocol, std::unique_ptr<Protocol> next);
    bool sent() const noexcept;

private:
    friend class detail::Exchange;
    explicit Response(detail::Exchange& exchange) noexcept : exchange_(exchange) {}
    detail::Exchange& exchange_;
};

// Handlers of different connections run at the same time under drivers with threads: see protocol.hpp.
using Handler = std::function<void(const Request&, Response&)>;

struct RouteOptions {
    // In bytes, without chunk framing. A longer body is refused with 413: before it is read if its length is
    // known, else once it is too long.
    std::size_t max_body = 1024 * 1024;
};

// Sizes are in bytes. A time of zero means no limit.
struct HttpLimits {
    std::size_t max_line = 8 * 1024;  // the request line; a longer one is refused with 414
    std::size_t max_head =
        16 * 1024;                 // the request line and all fields: 431. At most max_read_buffer
    std::size_t max_fields = 100;  // 431; at most 100
    std::size_t max_requests =
        1'000;  // for each connection; the last answer says "Connection: close"
    std::chrono::milliseconds head_timeout{10'000};       // for a whole head: 408
    std::chrono::milliseconds body_idle_timeout{60'000};  // without a byte of the body: 408
    std::size_t min_body_rate =
        240;  // bytes a second, from 5 s after the head on: 408. 0: no minimum
    std::chrono::milliseconds keep_alive_timeout{
        75'000};  // between requests: the connection is closed
};

struct ServerOptions {
    HttpLimits limits = {};
    std::string server_field = {};  // value of the field Server; empty: it is not sent
    // Compresses the bodies of send() for clients that accept it: text, JSON, XML and the like (by
    // Content-Type), from 1 KiB to 1 MiB. The ETag becomes weak, and Vary names Accept-Encoding. An answer
    // with Content-Encoding is left as it is. A page that shows a secret beside text of an attacker should
    // not be compressed, because its size then tells about the secret (BREACH).
    bool gzip = true;
    // For the field Date. Connections of all threads call it.
    std::function<std::chrono::system_clock::time_point()> clock = std::chrono::system_clock::now;
};

// Routes, and the factory of the protocol that serves them. The factory may outlive the Server. Connections
// of all threads read the routes, so add all of them before the first factory() is used.
class Server {
public:
    // Throws std::invalid_argument for limits.max_fields over 100 or server_field with control characters.
    explicit Server(ServerOptions options = {});
    // Adds a route. A pattern is a path: "/users/{id}/posts", or "/files/{path...}", whose last part takes
    // the rest of the path. Where several patterns match, text goes before "{name}", and that before
    // "{name...}". GET also answers HEAD. OPTIONS, unless routed, is answered with Allow. A path that is
    // routed, but not for the method, is 405; a method that is neither routed nor of RFC 9110 is 501. Throws
    // std::invalid_argument for an invalid pattern or method, or a route that exists already.
    Server& route(std::string_view method, std::string_view pattern, Handler handler,
                  RouteOptions options = {});
    // Serves the files below `directory` at the paths below `prefix` ("/" or "/static"), by GET and HEAD,
    // with an ETag, Last-Modified, conditional requests, and one range of bytes (RFC 9110, sections 13, 14).
    // The directory is looked up with each request, and nothing is kept between requests. "x.gz" is sent in
    // place of "x" if the client accepts gzip and "x.gz" is not older. A path that ends in a slash stands for
    // the file index.html there; the path of a directory without a slash is redirected (301). Refused with
    // 404: parts that begin with a dot, or contain a slash, a backslash or a zero byte once decoded; empty
    // parts; symbolic links below `directory`; and everything but regular files. Opening and reading a file
    // can block the thread for as long as the disk takes. A file must not be cut while it is sent; replace it
    // by rename(2). protocols/http/README.md has more. Throws std::invalid_argument if `directory` cannot be
    // opened, or as route().
    Server& files(std::string_view prefix, std::string directory);
    Server& otherwise(Handler handler);  // in place of the answer 404, but not for files()
    ProtocolFactory factory() const;

private:
    ServerOptions options_;
    std::shared_ptr<detail::Router> router_;
};

// Returns the reason phrase of RFC 9110, section 15, or "" for a code that it does not name.
std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace switchboard::http
