// HTTP/1.1 (RFC 9110, RFC 9112): a client, on a reactor or in one blocking call. Its parser is strict;
// protocols/http_client/README.md lists what it refuses.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/bytes.hpp>
#include <switchboard/error.hpp>
#include <switchboard/tls.hpp>
#include <utility>
#include <vector>

namespace switchboard {
class Reactor;
}

namespace switchboard::http {

namespace detail {
class ClientProtocol;
class ClientState;
}  // namespace detail

// Errors of the client that have no code elsewhere.
enum class client_errc {
    too_many_redirects = 1,  // more than ClientOptions::redirects
    insecure_redirect,       // from https to http
    bad_redirect,   // to something that is no URL, or a body_source would have to be sent again
    proxy_refused,  // the proxy did not answer CONNECT with 2xx
    bad_encoding,   // the body is not what its Content-Encoding says
    wrong_length,   // body_source wrote more or less than body_length
};
const std::error_category& client_category() noexcept;  // named "http client"
std::error_code make_error_code(client_errc) noexcept;

// Names and values, in order. Names compare without case.
using FieldList = std::vector<std::pair<std::string, std::string>>;

// Writes the body of a request, in pieces. Valid until the source returns.
class BodyWriter {
public:
    // Copies what cannot be sent at once, so pieces should be small: the connection is aborted if more than
    // 1 MiB waits (ConnectionLimits::max_write_buffer). Returns false if the connection takes no more for now: return from
    // the source, which is called again when there is room.
    bool write(Bytes piece);
    bool write(std::string_view text) { return write(as_bytes(text)); }

private:
    friend class detail::ClientProtocol;
    explicit BodyWriter(detail::ClientProtocol& connection) noexcept : connection_(connection) {}
    detail::ClientProtocol& connection_;
};

// A request. A value.
struct Call {
    std::string method = "GET";
    std::string url;  // http:// or https://, without a user; a fragment is not sent
    // Without those that the client sets: Host, Connection, Expect, Upgrade, and those that frame the body.
    FieldList fields = {};
    std::string body = {};
    // In place of `body`: called when there is room for more of the body, until it returns false. If it
    // returns true and wrote nothing, it is called again after Client::resume().
    std::function<bool(BodyWriter&)> body_source = {};
    std::optional<std::uint64_t> body_length = {};  // of body_source. None: it is sent in chunks
};

// The final answer to a request. A value.
struct Reply {
    unsigned status = 0;  // 200 to 999
    FieldList fields = {};
    FieldList trailers = {};  // fields behind a body in chunks; never among `fields`
    std::string body = {};    // decompressed; empty if it was streamed
    std::string url = {};     // where it came from, after redirects

    // Returns the value of the first field of that name, or an empty text.
    std::string_view field(std::string_view name) const noexcept;
};

// Times of zero mean no limit. Sizes are in bytes.
struct ClientOptions {
    // Look-up and connect, and then for the answer of a proxy. tls::Options has the time of the handshake.
    std::chrono::milliseconds connect{10'000};
    std::chrono::milliseconds head{
        30'000};  // from the end of the request to the whole head of the reply
    std::chrono::milliseconds body_idle{60'000};  // without a byte of either body
    std::chrono::milliseconds total{};  // from send() to the end, with redirects and waiting
    std::chrono::milliseconds keep_alive{60'000};  // unused connections are closed after it
    std::size_t max_body = 16 * 1024 * 1024;  // of a reply, decompressed, unless it is streamed
    std::size_t max_head = 64 * 1024;         // of a reply
    // Redirects to follow. With 0 a redirect is a reply as any other.
    unsigned redirects = 10;
    // Asks for gzip, unless the request has Accept-Encoding or Range, and decompresses.
    bool gzip = true;
    std::size_t per_origin = 6;  // connections at once; further requests wait. At least 1
    // http://host:port. Plain requests go to it, https goes through it by CONNECT. Empty: none.
    std::string proxy = {};
    std::optional<tls::Client> tls = {};  // for https. None: the default one, with ALPN "http/1.1"
};

// Called from within run(). They may call the Client, and may destroy it. If one throws, the call fails with
// errc::handler_failed.
struct CallHooks {
    // The head of the final answer has come; the body is still empty.
    std::function<void(const Reply&)> on_head = {};
    // Gets the body in pieces, decompressed. `piece` is valid until it returns. Returns false to pause until
    // resume(). Then only body_idle does not apply.
    std::function<bool(Bytes piece)> on_piece = {};
};

// A client with a pool of connections for each origin (scheme, host and port). Move-only. Threading: the
// reactor's thread only. Lifetime: the reactor must outlive it. Unused connections keep run() from returning
// until keep_alive is over, or until the client is destroyed.
//
// - A redirect by 301 or 302 turns POST into GET, one by 303 turns all but HEAD into GET, and 307 and 308
//   change nothing. To another origin only Accept*, Cache-Control, If-*, Range and User-Agent go along, and
//   Content-Encoding, Content-Language and Content-Type with a body. From https to http is an error.
// - A request is sent again, once, only if it went out on a connection that was used before, the server ended that
//   without a byte of a reply, and the method is idempotent (RFC 9110, section 9.2.2), without body_source.
// - A server that answers before it has the whole request: its answer is read. If it is not 2xx, the rest
//   of the body is not sent. The connection is closed.
class Client {
public:
    // Called once, from within run(), or with errc::stopping from the destructor of the client. Errors: their
    // text names the method and the URL. errc::bad_option for a Call or options that are not valid;
    // errc::malformed_message for a reply that is refused; errc::incomplete_message or tls::errc::truncated
    // for one that is cut off; errc::message_too_large for max_head and max_body; std::errc::timed_out;
    // errors of connecting, of TLS, and those above.
    using Done = std::function<void(Result<Reply>)>;
    // Names a call; never reused.
    struct Id {
        std::uint64_t value = 0;
        friend bool operator==(const Id&, const Id&) = default;
    };

    explicit Client(Reactor& reactor, ClientOptions options = {});
    Client(Client&&) noexcept = default;
    Client& operator=(Client&&) noexcept;
    ~Client();

    // Starts a request. No callback comes from within send(), resume() or cancel().
    Id send(Call call, Done done, CallHooks hooks = {});
    void resume(
        Id call);  // on_piece, or body_source, is called again. Nothing happens if the call is over
    void cancel(Id call);  // `done` is not called. Closes the connection that the call uses

private:
    std::shared_ptr<detail::ClientState> state_;
};

// Sends a request and returns the reply. Blocks, at most for the times of the options. A body_source that
// writes nothing is not called again, because nothing can resume it. Errors: as for Client::Done.
[[nodiscard]] Result<Reply> send(const Call& call, const ClientOptions& options = {});
[[nodiscard]] Result<Reply> get(const std::string& url, const ClientOptions& options = {});

}  // namespace switchboard::http

template <>
struct std::is_error_code_enum<switchboard::http::client_errc> : std::true_type {};
