// WebSocket (RFC 6455) with permessage-deflate (RFC 7692): options, sockets, handlers and the client. Section
// numbers here refer to RFC 6455.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <switchboard/bytes.hpp>
#include <switchboard/connection.hpp>
#include <switchboard/deflate.hpp>
#include <switchboard/error.hpp>
#include <switchboard/protocol.hpp>
#include <utility>
#include <vector>

namespace switchboard::websocket {

namespace detail {
struct Shared;
class Engine;
struct Link;
struct TopicList;
}  // namespace detail

enum class Kind : std::uint8_t { text = 1, binary = 2 };

// Codes of Close frames (7.4.1) that handlers use often. Applications may define their own from 4000 to 4999.
namespace code {
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kNone = 1005;  // never sent: the Close frame had no code
inline constexpr std::uint16_t kLost = 1006;  // never sent: no Close frame came
inline constexpr std::uint16_t kNotUtf8 = 1007;
inline constexpr std::uint16_t kPolicy = 1008;
inline constexpr std::uint16_t kTooLarge = 1009;
}  // namespace code

// Compression of messages. Without takeover a connection needs no memory for it: its streams come from a pool
// that all connections with the same Settings share, and publish() compresses once for all. With takeover
// messages refer to earlier ones and become smaller, but each connection keeps a compressor and a
// decompressor: DeflateOptions says how large they are.
struct Deflate {
    bool enabled = false;
    bool takeover = false;
    DeflateOptions stream = {};  // window bits from 9 to 15
    std::size_t from = 256;      // bytes; shorter messages are sent as they are
};

// A value. The same options serve both ends, except where one is named.
struct Options {
    std::vector<std::string> subprotocols = {};  // best first
    // Server: the values of Origin that are accepted; "*" accepts any. Empty: only pages of the Host that the
    // request names. A request without Origin is accepted, since it does not come from a page.
    std::vector<std::string> origins = {};
    std::vector<std::pair<std::string, std::string>> fields =
        {};  // client: further fields of its request
    Deflate deflate = {};
    std::size_t max_message = 1024 * 1024;  // bytes of a received message, decompressed
    std::size_t max_fragments = 1024;       // frames of a received message
    std::chrono::milliseconds handshake_timeout{
        10'000};  // client: from on_open to the answer; 0: no limit
    // From the own Close frame to the peer's, and from there to the FIN of a server; 0: no limit.
    std::chrono::milliseconds close_timeout{10'000};
    // A peer that has sent nothing for half of this time gets a Ping. If it sends nothing for the whole time,
    // the connection is aborted with errc::idle_timed_out. 0: no pings and no limit.
    std::chrono::milliseconds idle_timeout{120'000};
    // What Topics::publish() does to a subscriber that is above its high-water mark.
    enum class Slow : std::uint8_t {
        drop,  // it misses the message
        close,  // it is closed with code 1008, and aborted if it does not take that within close_timeout
    } slow = Slow::close;
    std::function<std::uint32_t()> mask =
        {};  // client, for tests; empty: from getentropy(3) (10.3)
};

// Checked options and what connections with them share. Copies share it too. Threading: several threads may
// use it.
class Settings {
public:
    Settings();  // the default options
    // Errors: errc::bad_option; the text names the option that is out of range.
    [[nodiscard]] static Result<Settings> make(const Options& options);

    const Options& options() const noexcept;
    const std::shared_ptr<const detail::Shared>& shared() const noexcept { return shared_; }

private:
    explicit Settings(std::shared_ptr<const detail::Shared> shared) noexcept
        : shared_(std::move(shared)) {}

    std::shared_ptr<const detail::Shared> shared_;
};

class Handle;

// One end of a WebSocket. Valid from on_open until on_close returns; for later use keep its handle(). It uses
// the deadline of its connection. Threading: the driver's thread only. No member runs a callback before it
// returns.
class Socket {
public:
    // Send a message. Text must be valid UTF-8, which is not checked. They return what Connection::write()
    // returns: false asks the caller to wait for on_writable, or means that the socket is closing and the
    // message was dropped. Throw std::logic_error between begin() and end().
    virtual bool send(Kind kind, std::span<const Bytes> pieces) = 0;  // one message
    bool send(Kind kind, Bytes message) { return send(kind, std::span(&message, 1)); }
    bool send(std::string_view text) { return send(Kind::text, as_bytes(text)); }

    // Send a message in fragments: begin(), then part() for each frame, then end(). A fragment may end within
    // a character. With deflate the message is compressed if its first part has Deflate::from bytes or more;
    // until end() the socket then uses a compressor, also without takeover. They return what send() returns,
    // and throw std::logic_error if they come in another order.
    virtual bool begin(Kind kind) = 0;
    virtual bool part(Bytes piece) = 0;
    virtual bool end() = 0;

    virtual void ping(Bytes payload = {}) = 0;  // the first 125 bytes of it are sent
    // Sends a Close frame after all messages. Messages that come afterwards are discarded. The connection
    // ends when the peer has answered, or after close_timeout. Later calls have no effect. A code that may
    // not be sent (7.4) becomes 1000, and only the first 123 bytes of `reason`, without a character that is
    // cut off, are sent. Code 1005 sends no code and no reason.
    virtual void close(std::uint16_t code = code::kNormal, std::string_view reason = {}) = 0;
    virtual bool closing()
        const noexcept = 0;  // a Close frame was sent, or the connection is closing

    // Returns how many sent bytes the peer has not taken yet, with the heads of frames.
    virtual std::size_t queued() const noexcept = 0;
    // Stops reading, and so on_message, until resume(). Meanwhile pings are not answered, and idle_timeout
    // does not run.
    virtual void pause() = 0;
    virtual void resume() = 0;

    virtual std::string_view subprotocol() const noexcept = 0;  // empty: none was agreed
    virtual bool compresses() const noexcept = 0;               // permessage-deflate was agreed
    virtual Connection& connection() const noexcept = 0;
    virtual Handle handle() = 0;  // the first call allocates it

protected:
    virtual ~Socket() = default;

private:
    friend class Topics;
    virtual detail::Engine& engine() noexcept = 0;
};

// Refers to a socket, also after it has ended. Threading: the driver's thread only.
class Handle {
public:
    Handle() = default;
    Socket* get() const noexcept;  // null once on_close of its handler has returned

private:
    friend class detail::Engine;
    explicit Handle(std::shared_ptr<const detail::Link> link) noexcept : link_(std::move(link)) {}

    std::shared_ptr<const detail::Link> link_;
};

// What an application does with a socket. Callbacks never nest, and run on the driver's thread. If one
// throws, only its own connection is aborted.
class Handler {
public:
    Handler() = default;
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    virtual ~Handler() = default;

    virtual void on_open(Socket&) {}
    // A whole message, decompressed. Text is valid UTF-8. `message` may be modified, and is valid until the
    // call returns.
    virtual void on_message(Socket& socket, Kind kind, MutableBytes message) = 0;
    virtual void on_writable(Socket&) {}  // as Protocol::on_writable
    virtual void on_pong(Socket&, Bytes) {}
    // The driver drains. Default: closes with code 1001.
    virtual void on_shutdown(Socket& socket) { socket.close(code::kGoingAway); }
    // The socket has ended. Called exactly once, as the last callback; without on_open if the handshake of a
    // client failed. `code` and `reason` are those of the peer's Close frame. If the peer broke the protocol
    // or a limit, they are those of the own Close frame. Without either the code is 1006.
    virtual void on_close(std::uint16_t /*code*/, std::string_view /*reason*/) noexcept {}
};
using HandlerFactory = std::function<std::unique_ptr<Handler>()>;

// The answer of a server that did not accept a client.
struct Refusal {
    unsigned status = 0;         // 0: the answer is not HTTP, or did not come
    std::string_view body = {};  // at most 64 KiB; empty if it is chunked
    std::string_view why = {};   // "status 403", "wrong Sec-WebSocket-Accept"
};

// Returns the client side of one connection to the server that the URL names. The URL begins with ws:// or
// wss://; for wss:// put the protocol above a TLS layer. It sends the request of the handshake and checks the
// answer (4.1). If the server does not accept, `refused` is called, then on_close of the handler with code
// 1006, and the connection ends with std::errc::connection_refused, or with errc::malformed_message if the
// answer breaks the protocol. `refused` must not throw.
// Errors: errc::bad_option; the text says what is wrong with the URL.
[[nodiscard]] Result<std::unique_ptr<Protocol>> connect(
    std::string_view url, std::unique_ptr<Handler> handler, const Settings& settings = {},
    std::function<void(const Refusal&)> refused = {});
// Returns the server of a URL: tcp, with port 80 for ws:// and 443 for wss:// if none is given. Errors: as
// above.
[[nodiscard]] Result<Endpoint> server_of(std::string_view url);

// Topics and the sockets that subscribed to them. Sockets leave when they end. Threading: one thread, which
// is the driver's of all its sockets; to reach sockets of other reactors, post to their threads.
class Topics {
public:
    Topics();
    Topics(const Topics&) = delete;
    Topics& operator=(const Topics&) = delete;
    ~Topics();

    void subscribe(Socket& socket, std::string_view topic);  // again: no effect
    void unsubscribe(Socket& socket, std::string_view topic);
    std::size_t subscribers(std::string_view topic) const;

    struct Published {
        std::size_t sent = 0;
        std::size_t dropped = 0;  // slow subscribers, and those between begin() and end()
        std::size_t closed = 0;   // slow subscribers that are now closed
    };
    // Sends the message to all subscribers but `except`. It is encoded once, and compressed at most once; the
    // subscribers share the bytes, except clients, whose frames are masked. Text must be valid UTF-8.
    Published publish(std::string_view topic, Kind kind, Bytes message,
                      const Socket* except = nullptr);

private:
    const std::shared_ptr<detail::TopicList> list_;
};

}  // namespace switchboard::websocket
