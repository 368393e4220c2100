// The one-exchange client on a reactor; see exchange.hpp for the blocking one.
#pragma once

#include <switchboard/exchange.hpp>
#include <switchboard/reactor.hpp>

namespace switchboard {

// Connects, sends, reads the reply and closes; `done` comes once, from within run(), with the reply or
// the error, which names the endpoint. options.timeout bounds the connect and then the exchange. An
// error at once (no descriptor, no such endpoint) comes the same way.
void exchange(Reactor& reactor, const Endpoint& endpoint, std::vector<std::byte> request,
              ExchangeOptions options, ExchangeDone done);

}  // namespace switchboard
