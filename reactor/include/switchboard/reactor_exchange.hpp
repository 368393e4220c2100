// The one-exchange client on a reactor; see exchange.hpp for the blocking one.
#pragma once

#include <switchboard/exchange.hpp>
#include <switchboard/reactor.hpp>

namespace switchboard {

// Connects, by name too, sends, reads the reply and closes; `done` comes once, from within run() or the
// reactor's destructor, with the reply or the error, which names the endpoint and the step, or each
// address that was tried. options.timeout bounds all of it, the name look-up included. An error at once
// (no such endpoint, a reactor that ends) comes from within run() too, as a post: like all posts it is
// dropped if the reactor ends first.
void exchange(Reactor& reactor, const Endpoint& endpoint, std::vector<std::byte> request,
              ExchangeOptions options, ExchangeDone done);

}  // namespace switchboard
