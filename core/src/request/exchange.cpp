// exchange() on a blocking socket: serves the Protocol of exchange_protocol.cpp until it ends.
#include <switchboard/exchange.hpp>

#include "blocking/connection.hpp"
#include "datagram/exchange.hpp"
#include "exchange_protocol.hpp"

namespace switchboard {
namespace {

using Reply = Result<std::vector<std::byte>>;

Error named(const Endpoint& endpoint, const std::string& step, std::error_code code) {
    return {code, "exchange " + endpoint.to_string() + ": " + step};
}

Reply converse(Socket socket, Bytes request, const ExchangeOptions& options,
               Clock::time_point end) {
    Reply reply = fail(errc::incomplete_message, "");
    auto protocol = detail::make_exchange_of(request, options,
                                             [&reply](Reply done) { reply = std::move(done); });
    if (options.layer) protocol = options.layer(std::move(protocol));
    // The time-out of the exchange bounds every wait. The default limits must not end a wait earlier.
    ConnectionLimits limits;
    limits.write_stall_timeout = limits.close_timeout = {};
    const detail::Workspace workspace;
    detail::BlockingConnection connection(std::move(socket), std::move(protocol), limits, workspace,
                                          ConnectionId{0, 1});
    connection.give_up_at(end);
    connection.serve();
    return reply;
}

}  // namespace

Reply exchange(const Endpoint& endpoint, Bytes request, const ExchangeOptions& options) {
    using std::chrono::milliseconds;
    if (endpoint.kind() == Endpoint::Kind::udp)
        return detail::exchange_datagram(endpoint, request, options);
    const auto end = detail::in(options.timeout);
    auto socket = connect(endpoint, options.timeout);
    if (!socket) return fail(socket.error().code(), "exchange: " + socket.error().context());
    ExchangeOptions rest = options;
    rest.timeout = {};  // no limit, if no clock can reach the end
    if (end != detail::kNever) {
        const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
        rest.timeout = std::max(left, milliseconds(1));  // zero would be no limit
    }
    return converse(std::move(*socket), request, rest, end).map_error([&](const Error& e) {
        return named(endpoint, e.context(), e.code());
    });
}

}  // namespace switchboard
