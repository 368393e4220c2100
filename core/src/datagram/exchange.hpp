// exchange() with a udp endpoint: sends one datagram and receives one. Private to core.
#pragma once

#include <switchboard/exchange.hpp>

namespace switchboard::detail {

Result<std::vector<std::byte>> exchange_datagram(const Endpoint& endpoint, Bytes request,
                                                 const ExchangeOptions& options);

}  // namespace switchboard::detail
