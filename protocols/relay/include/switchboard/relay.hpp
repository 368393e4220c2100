// Relay and hub: handlers that pass bytes from one connection on to others.
#pragma once

#include <functional>
#include <memory>
#include <switchboard/endpoint.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>

namespace switchboard {

class Reactor;
class Registry;

// Returns another connection of the same thread; null once that connection has ended.
using FindConnection = std::function<Connection*(ConnectionId)>;
// Opens a connection: Reactor::connect() with the endpoint and the options filled in.
using OpenConnection = std::function<Result<ConnectionId>(std::unique_ptr<Protocol>)>;

// A relay opens one connection to the target for each accepted connection, and passes bytes unchanged in both
// directions.
//
// - If one side does not read, reading from the other side is paused: from the high-water mark of the first
//   side until its on_writable. Nothing is read before the target is connected.
// - A FIN is passed on after the bytes before it, and the other direction goes on. After both FINs both sides
//   are closed, but not before their queues are nearly empty (low_water).
// - An error of one side, or a target that cannot be connected, aborts the other side with the same error, so
//   a reset stays a reset. After both FINs an error is not passed on, and the other side is flushed.
//
// `open` and `find` must belong to the driver that runs the protocols.
ProtocolFactory make_relay(OpenConnection open, FindConnection find);
// The same on a reactor, which must outlive the factory and its protocols. `limits` apply to the connections
// to the target.
ProtocolFactory make_relay(Reactor& reactor, Endpoint target, ConnectionLimits limits = {});

// A hub passes each line of a member on to all other members, ended by LF (a CR before it is removed). The
// members are the connections of the factory. Lines are sent whole, and all members see them in the same
// order. All whole lines that arrive in one read are sent as one buffer, which all queues share. A member
// leaves with its FIN; a last line without an end is dropped.
//
// The hub does not wait for slow members and does not drop single lines. A member that reads too slowly gets
// every line until more than max_write_buffer bytes are queued for it, bookkeeping included. It is then
// aborted with errc::write_queue_full: the queue is dropped, and the peer sees a reset, perhaps in the
// middle of a line. While a member's queue is above the high-water mark, nothing is read from it. A line
// over 8 KiB ends the connection of its sender (errc::message_too_large). Sending a buffer takes O(members).
ProtocolFactory make_hub(FindConnection find);

// Adds the protocols relay (option target=ENDPOINT, required) and hub. Both need the reactor: under a
// blocking driver the other connection belongs to another thread or process.
void register_relay(Registry& registry);

}  // namespace switchboard
