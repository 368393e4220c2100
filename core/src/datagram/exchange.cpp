#include "datagram/exchange.hpp"

#include <algorithm>
#include <switchboard/bind_datagram.hpp>

#include "blocking/wait.hpp"
#include "datagram/port.hpp"

namespace switchboard::detail {
namespace {

tl::unexpected<Error> failed(const Endpoint& endpoint, const char* step, std::error_code code) {
    return fail(code, "exchange " + endpoint.to_string() + ": " + step);
}

}  // namespace

// The buffer has room for one byte more than max_reply, so that a longer reply is detected.
Result<std::vector<std::byte>> exchange_datagram(const Endpoint& endpoint, Bytes request,
                                                 const ExchangeOptions& options) {
    const auto end = in(options.timeout);
    const auto socket = connect_datagram(endpoint);
    if (!socket) return fail(socket.error().code(), "exchange: " + socket.error().context());
    if (const auto sent = socket->send(request); !sent)
        return failed(endpoint, "send", sent.error().code());
    pollfd entry{socket->fd(), POLLIN, 0};
    if (!wait_for({&entry, 1}, end))
        return failed(endpoint, "receive", std::make_error_code(std::errc::timed_out));
    std::vector<std::byte> reply(std::min(options.max_reply, kLargestDatagram) + 1);
    const auto got = socket->receive(reply);
    if (!got) return failed(endpoint, "receive", got.error().code());
    if (*got > options.max_reply) return failed(endpoint, "receive", errc::message_too_large);
    reply.resize(*got);
    return reply;
}

}  // namespace switchboard::detail
