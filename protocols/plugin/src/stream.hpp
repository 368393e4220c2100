// The callbacks of the C interface for a Protocol.
#pragma once

#include <switchboard/plugin.h>
#include <memory>
#include <switchboard/datagram.hpp>
#include <switchboard/protocol.hpp>

namespace switchboard::plugin {

// What configure() makes for one use of a protocol. `factory` is for streams, `datagrams` for a socket.
struct Use {
    ProtocolFactory factory = {};
    std::unique_ptr<DatagramProtocol> datagrams = {};
};

// For a protocol whose service is a Use.
const sb_stream& made_stream() noexcept;
// For calls that take a Protocol: the service is a std::unique_ptr<Protocol>, which create() empties. It does
// not fail.
const sb_stream& adopting_stream() noexcept;
// Returns what a stream of these tables knows as its connection.
Connection& connection_of(void* state) noexcept;

}  // namespace switchboard::plugin
