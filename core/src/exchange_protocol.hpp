// The exchange over a request that lies elsewhere. Private to core.
#pragma once

#include <switchboard/exchange.hpp>

namespace switchboard::detail {

// As make_exchange(); `request` outlives the Protocol.
std::unique_ptr<Protocol> make_exchange_of(Bytes request, ExchangeOptions options,
                                           ExchangeDone done);

}  // namespace switchboard::detail
