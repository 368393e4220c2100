// HTTP/1.1 (RFC 9110, RFC 9112): a server. The parser is strict; protocols/http/README.md lists what it
// refuses.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <switchboard/protocol.hpp>
#include <system_error>

namespace switchboard::http {

namespace detail {
struct Head;
class HeadText;
struct Captures;
class Router;
class Exchange;
class OpenAnswer;
class BodyReader;
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
    // Whole, without its chunk framing. Empty unless the route has Body::whole.
    Bytes body() const noexcept { return body_; }
    // The fields behind the chunks of such a body. They are never among fields().
    std::span<const Field> trailers() const noexcept { return trailers_; }
    Connection& connection() const noexcept { return connection_; }

private:
    friend class detail::Exchange;
    Request(const detail::Head& head, Bytes body, std::span<const Field> trailers,
            const detail::Captures& captures, Connection& connection) noexcept
        : head_(head),
          body_(body),
          trailers_(trailers),
          captures_(captures),
          connection_(connection) {}

    const detail::Head& head_;
    Bytes body_;
    std::span<const Field> trailers_;
    const detail::Captures& captures_;
    Connection& connection_;
};

// The body of an answer, sent in pieces. The object can be moved and kept, as Later. With a length the body
// has a Content-Length. Without one it is sent in chunks, or until the connection ends if the client speaks
// HTTP/1.0. To HEAD, 204 and 304 only the head is sent. Threading: the driver's thread only.
class Stream {
public:
    Stream(Stream&&) noexcept;
    Stream& operator=(Stream&&) noexcept;
    ~Stream();  // abort(), unless ended
    // Sends a piece, which is copied if it cannot be sent at once. Returns false if no more should be written
    // until on_room(), or if alive() is false; the piece is dropped in the latter case only. Throws
    // std::logic_error, and sends nothing, if the body would become longer than its length.
    bool write(Bytes piece);
    bool write(std::string_view piece) { return write(as_bytes(piece)); }
    // Ends the body. If it is shorter than its length, this is abort(). Trailers are sent only behind chunks.
    // Throws std::invalid_argument, and does not end, for a trailer that Response::field() would refuse or
    // that must not be in a trailer (RFC 9110, section 6.5.1).
    void end(std::span<const Field> trailers = {});
    // Ends the connection with errc::handler_failed, so that the client sees that the body is not whole.
    void abort() noexcept;
    // Returns whether the body can go on: it has not ended, and neither has the connection.
    bool alive() const noexcept;
    // Calls `fn` whenever there is room again after write() returned false. `fn` may end or destroy this
    // object, and may own it: `fn` is destroyed when alive() becomes false.
    Stream& on_room(std::function<void()> fn);
    // As Later::on_gone(), whose function stays set.
    Stream& on_gone(std::function<void(std::error_code)> fn);

private:
    friend class Later;
    explicit Stream(std::shared_ptr<detail::OpenAnswer> answer) noexcept;
    std::shared_ptr<detail::OpenAnswer> answer_;
};

// The answer to one request, given after its handler has returned. The object can be moved and kept, also
// beyond the end of the connection: then it sends nothing. Requests behind this one are not served before it
// is answered. A peer that has sent its FIN is still answered. An object that was moved from may only be
// destroyed or assigned to. Threading: the driver's thread only; another thread uses Reactor::post().
class Later {
public:
    Later(Later&&) noexcept;
    Later& operator=(Later&&) noexcept;
    // Without an answer, 500 is sent and the connection ends with errc::handler_failed.
    ~Later();
    // The next members are those of Response. They have no effect once alive() is false.
    Later& status(unsigned code);
    Later& field(std::string_view name, std::string_view value);
    Later& type(std::string_view content_type) { return field("Content-Type", content_type); }
    void send(std::string_view body = {});
    void send(SharedBytes body);
    void send_file(FileRange body);
    // Sends the head now and the body in pieces. `length` is in bytes. This object is then empty.
    [[nodiscard]] Stream stream(std::optional<std::uint64_t> length = {});
    // Returns whether an answer can still be given: none was, and neither has the connection ended nor has
    // RouteOptions::answer_within passed.
    bool alive() const noexcept;
    // Calls `fn` once if alive() becomes false without an answer, with the reason of the connection's end or
    // with std::errc::timed_out. `fn` may destroy this object, and must not throw.
    Later& on_gone(std::function<void(std::error_code)> fn);

private:
    friend class detail::Exchange;
    explicit Later(std::shared_ptr<detail::OpenAnswer> answer) noexcept;
    std::shared_ptr<detail::OpenAnswer> answer_;
};

// The functions that get the body of a request as it comes: see Response::read().
struct Reader {
    // Gets each piece, whose bytes are valid until the call returns. `last` is true once, at the end of the
    // body; that piece may be empty.
    std::function<void(Bytes piece, bool last)> on_piece;
    // Called once in place of the last piece if the body does not become whole: it was malformed, too long or
    // too slow, or the connection has ended. Must not throw.
    std::function<void(std::error_code)> on_gone = {};
};

// The body of a request while it comes. Copies are the same body, and outlive the connection. Threading: the
// driver's thread only.
class Upload {
public:
    // Stops on_piece, and the reading from the socket, until resume(). No time-out of the body runs
    // meanwhile. Neither has an effect once alive() is false.
    void pause();
    void resume();
    bool alive() const noexcept;  // more pieces will come, unless the connection ends
    // The fields behind the chunks, from the last piece on.
    std::span<const Field> trailers() const noexcept;

private:
    friend class detail::Exchange;
    explicit Upload(std::shared_ptr<detail::BodyReader> body) noexcept : body_(std::move(body)) {}
    std::shared_ptr<detail::BodyReader> body_;
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
    Response& type(std::string_view content_type);  // the field Content-Type
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
    // Lets the handler return without an answer, and moves the status and the fields so far to the result.
    // Throws std::logic_error if an answer was already sent.
    [[nodiscard]] Later later();
    // Sends the head and returns the object that sends the body, now or later. Throws std::logic_error if an
    // answer was already sent.
    [[nodiscard]] Stream stream(std::optional<std::uint64_t> length = {}) {
        return later().stream(length);
    }
    // Reads the body of the request, for a route with Body::stream. The pieces come after the handler has
    // returned, so the answer usually is a later() that `reader` owns. A client that waits for 100 (Continue)
    // gets it now. If the body is malformed, too long or too slow, the answer is an error, as for a whole
    // body, unless its head was sent. Throws std::logic_error for another route, if it was called before, or
    // if the whole answer was sent.
    Upload read(Reader reader);
    bool sent() const noexcept;  // an answer was sent, or later() or stream() called

private:
    friend class detail::Exchange;
    explicit Response(detail::Exchange& exchange) noexcept : exchange_(exchange) {}
    detail::Exchange& exchange_;
};

// Handlers of different connections run at the same time under drivers with threads: see protocol.hpp.
using Handler = std::function<void(const Request&, Response&)>;

// What becomes of the body of a request.
enum class Body : std::uint8_t {
    whole,   // the handler runs once it has come, and gets it from Request::body()
    stream,  // the handler runs before it has come, and may read it in pieces; otherwise as none
    // The handler runs before it has come. If the client waits for 100 (Continue), or the body comes in
    // chunks or is longer than 64 KiB, the connection is closed behind the answer. Otherwise it is skipped.
    none,
};

struct RouteOptions {
    Body body = Body::whole;
    // In bytes, without chunk framing. A longer body is refused with 413: before it is read if its length is
    // known, else once it is too long.
    std::size_t max_body = 1024 * 1024;
    // For Response::later(), from the end of the request to the head of the answer: then the answer is 503.
    // Zero: no limit.
    std::chrono::milliseconds answer_within{};
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

// A request and what became of it, for access logs. Valid until the call returns.
struct Done {
    std::string_view method, target;  // empty if the head was refused
    unsigned status;      // of the answer; 0: the connection ended before its head was sent
    std::uint64_t bytes;  // of the body that was handed to the connection, without framing
    Connection& connection;
};

struct ServerOptions {
    HttpLimits limits = {};
    std::string server_field = {};  // value of the field Server; empty: it is not sent
    // Compresses the bodies of send() for clients that accept it: text, JSON, XML and the like (by
    // Content-Type), from 1 KiB to 1 MiB. The ETag becomes weak, and Vary names Accept-Encoding. An answer
    // with Content-Encoding is left as it is, and so is a body in pieces. A page that shows a secret beside
    // text of an attacker should not be compressed, because its size then tells about the secret (BREACH).
    bool gzip = true;
    // For the field Date. Connections of all threads call it. Empty: that field is not sent, as by a server
    // without a clock (RFC 9110, section 6.6.1).
    std::function<std::chrono::system_clock::time_point()> clock = std::chrono::system_clock::now;
    // Called once for each request that is refused or that a handler gets, when its answer is complete or the
    // connection has ended. If a handler throws after its answer, it is not called. It must not throw.
    // Connections of all threads call it.
    std::function<void(const Done&)> on_done = {};
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
