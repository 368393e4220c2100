// exchange(): one request and its reply: connect, send, read the reply, close.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <switchboard/bytes.hpp>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <switchboard/framing.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard {

struct ExchangeOptions {
    // How the end of the reply is recognised. TCP has no messages, so both peers must agree on a framing.
    // Empty: the reply is everything until the peer's FIN. Both the maximum of the framing and max_reply
    // apply.
    std::optional<Framing> reply_framing = {};
    bool expects_reply = true;  // false: the exchange ends when the request has been sent
    // Sends FIN after the request. A server that replies until it gets a FIN, such as echo, needs this.
    bool shutdown_after_request = true;
    std::size_t max_reply = 16 * 1024 * 1024;   // bytes; more fails with errc::message_too_large
    std::chrono::milliseconds timeout{10'000};  // for the whole exchange; zero: no limit
    // Puts a layer between the socket and the exchange: TLS, for example. It must not return null. Not used
    // with a udp endpoint.
    std::function<std::unique_ptr<Protocol>(std::unique_ptr<Protocol>)> layer = {};
};

// Connects, sends the request, and returns the whole reply with its delimiter or prefix. The request may be
// of any size: the reply is read while the request is sent, and the request is sent to its end even if the
// reply is complete earlier. Bytes after the reply are dropped. Blocks for at most `timeout`, plus the
// time of a name look-up. Errors: errc::incomplete_message if the peer closes early; errc::message_too_large;
// errc::malformed_message for an invalid prefix; errors of connect() and of the socket. The error names the
// endpoint and the step that failed.
//
// With a udp endpoint, sends one datagram and returns the first one that the peer sends back; reply_framing
// is not used. Nothing is sent again, so if either datagram is lost the error is std::errc::timed_out, and
// the caller may try again.
[[nodiscard]] Result<std::vector<std::byte>> exchange(const Endpoint& endpoint, Bytes request,
                                                      const ExchangeOptions& options = {});

// The same for an Endpoint that is not const. Without it, overload resolution would prefer std::exchange.
template <class Request>
requires std::convertible_to<Request&&, Bytes> Result<std::vector<std::byte>> exchange(
    Endpoint& endpoint, Request&& request, const ExchangeOptions& options = {}) {
    return exchange(static_cast<const Endpoint&>(endpoint), Bytes(request), options);
}

// The same exchange as a Protocol, for the reactor (see switchboard/reactor_exchange.hpp) and the in-memory
// driver. The timeout starts at on_open. `done` is called once, from on_close; it must not throw.
using ExchangeDone = std::function<void(Result<std::vector<std::byte>>)>;
std::unique_ptr<Protocol> make_exchange(std::vector<std::byte> request, ExchangeOptions options,
                                        ExchangeDone done);

}  // namespace switchboard
