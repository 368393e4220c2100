// An exchange whose request belongs to the caller. Private to core.
#pragma once

#include <switchboard/exchange.hpp>

namespace switchboard::detail {

// Like make_exchange(), but borrows `request`, which must outlive the Protocol.
std::unique_ptr<Protocol> make_exchange_of(Bytes request, ExchangeOptions options,
                                           ExchangeDone done);

}  // namespace switchboard::detail
