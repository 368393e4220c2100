#include <switchboard/reactor_exchange.hpp>

#include <memory>
#include <utility>

namespace switchboard {

void exchange(Reactor& reactor, const Endpoint& endpoint, std::vector<std::byte> request,
              ExchangeOptions options, ExchangeDone done) {
    const auto shared = std::make_shared<ExchangeDone>(std::move(done));
    const std::string tried = "exchange with " + endpoint.to_string();
    const auto named = [shared, tried](Result<std::vector<std::byte>> reply) {
        (*shared)(reply ? std::move(reply) : fail(reply.error(), tried));
    };
    ConnectOptions how;
    how.limits.connect_timeout = options.timeout;
    auto protocol = make_exchange(std::move(request), std::move(options), named);
    auto started = reactor.connect(endpoint, std::move(protocol), how);
    if (started) return;
    reactor.post([shared, error = started.error()] { (*shared)(tl::unexpected(error)); });
}

}  // namespace switchboard
