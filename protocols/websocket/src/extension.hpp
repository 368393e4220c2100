// The negotiation of permessage-deflate (RFC 7692, 7.1).
#pragma once

#include <optional>
#include <string>

#include "compression.hpp"
#include "fields.hpp"

namespace switchboard::websocket::detail {

// Server: what was agreed, and the value of Sec-WebSocket-Extensions that says so.
struct Accepted {
    Agreed agreed;
    std::string field;
};

// Returns nothing if no offer can be accepted. An offer that is wrong is declined (7.1.1).
std::optional<Accepted> accept_offer(const Fields& request, const Deflate& options);

// Client: the value of Sec-WebSocket-Extensions.
std::string make_offer(const Deflate& options);
// Client: reads the answer to make_offer(). Returns null, or what is wrong. Without the field in the answer,
// `agreed` stays empty.
const char* read_answer(const Fields& answer, const Deflate& options,
                        std::optional<Agreed>& agreed);

}  // namespace switchboard::websocket::detail
