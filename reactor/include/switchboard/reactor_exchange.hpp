// exchange() on a reactor: sends one request and reads its reply. See exchange.hpp for the blocking form.
#pragma once

#include <switchboard/exchange.hpp>
#include <switchboard/reactor.hpp>

namespace switchboard {

// Connects (a name is looked up), sends the request, reads the reply and closes. `done` is called once with
// the reply or the error, from within run() or from the reactor's destructor. options.timeout bounds the
// whole exchange, including the name look-up. Errors: the message has the endpoint and the step that failed,
// or each address that was tried. An error that is known at once (a bad endpoint, a reactor that ends) is
// delivered by post(): `done` is called from within run() too, and never if the reactor is destroyed first.
void exchange(Reactor& reactor, const Endpoint& endpoint, std::vector<std::byte> request,
              ExchangeOptions options, ExchangeDone done);

}  // namespace switchboard
