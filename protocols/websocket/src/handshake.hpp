// The server's half of the handshake (RFC 6455, 4.2), independent of the HTTP server that reads the request.
#pragma once

#include <optional>
#include <string>

#include "engine.hpp"
#include "fields.hpp"

namespace switchboard::websocket::detail {

struct RequestView {
    std::string_view method;
    std::string_view host;
    Fields fields;
};

// The status and the fields of the answer. 101 accepts.
struct Decision {
    unsigned status = 101;
    std::string_view why = {};  // of another status, for its body
    std::string accept = {};
    std::string extensions = {};  // empty: no field
    Opening opening = {};
};

Decision decide(const RequestView& request, const Options& options);

}  // namespace switchboard::websocket::detail
