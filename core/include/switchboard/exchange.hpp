// A client that makes one exchange and is gone: connect, send, read the reply, close.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <switchboard/bytes.hpp>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard {

// How the end of a message is known. TCP itself has no messages; one of these must be agreed on.
struct MessageEnd {
    enum class Kind : std::uint8_t { fixed_length, delimiter, length_prefix, shutdown };
    enum class Order : std::uint8_t { big_endian, little_endian };

    static MessageEnd after(std::size_t length);   // exactly so many bytes; 0 is no reply
    static MessageEnd at(std::string delimiter);   // not empty; part of the message
    static MessageEnd prefixed(std::size_t width,  // 1, 2, 4 or 8 bytes of length, then that
                               Order order = Order::big_endian);  // many; the prefix is kept
    static MessageEnd at_shutdown();                              // all until the peer's FIN

    Kind kind = Kind::shutdown;
    Order order = Order::big_endian;
    std::size_t length = 0;  // of the message, or the width of its prefix
    std::string delimiter;
};

struct ExchangeOptions {
    MessageEnd reply_end = MessageEnd::at_shutdown();
    // Whether the request ends with a FIN. Ends by shutdown need it: echo answers until then.
    bool shutdown_after_request = true;
    std::size_t max_reply = 16 * 1024 * 1024;   // bytes; errc::message_too_large
    std::chrono::milliseconds timeout{10'000};  // for all of it; zero is no limit
};

// The whole reply: every byte until its end, delimiter or prefix included. A peer that ends before
// that: errc::incomplete_message; more than the reply is left unread. The request may be of any size:
// what the peer answers is read while it is sent, and it is sent to its end although the reply may
// be whole before. Blocks at most the timeout (name look-up aside). The error names the endpoint and
// the step that failed.
//
// With a udp endpoint: one datagram out and the first that comes back, whole; reply_end is not asked.
// Nothing is sent twice, so either may be lost: std::errc::timed_out, and trying again is the caller's.
Result<std::vector<std::byte>> exchange(const Endpoint& endpoint, Bytes request,
                                        const ExchangeOptions& options = {});

// For an Endpoint that is not const, which std::exchange would otherwise match better.
template <class Request>
requires std::convertible_to<Request&&, Bytes> Result<std::vector<std::byte>> exchange(
    Endpoint& endpoint, Request&& request, const ExchangeOptions& options = {}) {
    return exchange(static_cast<const Endpoint&>(endpoint), Bytes(request), options);
}

// The same conversation as a Protocol, for the reactor (see switchboard/reactor_exchange.hpp) and
// the in-memory driver. `done` is called once, from on_close or before; it must not throw.
using ExchangeDone = std::function<void(Result<std::vector<std::byte>>)>;
std::unique_ptr<Protocol> make_exchange(std::vector<std::byte> request, ExchangeOptions options,
                                        ExchangeDone done);

}  // namespace switchboard
