// The switchboard operator: takes what one side sends and transfers it to who listens at the other.
#pragma once

#include <functional>
#include <memory>
#include <switchboard/endpoint.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>

namespace switchboard {

class Reactor;
class Registry;

// How a protocol finds a connection that is not its own, on its own thread; null once it is gone.
using FindConnection = std::function<Connection*(ConnectionId)>;
// How it opens one: as Reactor::connect with the endpoint and options filled in.
using OpenConnection = std::function<Result<ConnectionId>(std::unique_ptr<Protocol>)>;

// A relay opens one connection per connection it is given and carries bytes both ways, as they are.
//
// - What one side does not read, the other is not asked for: its reading is paused from the
//   high-water mark of the first until on_drain. Nothing is read before the target is connected.
// - A FIN is passed on, after the bytes before it; the other direction goes on. Both ends are
// closed
//   after both FINs, and not before what is queued is nearly gone (low_water).
// - An error ends the other side with the same error, by abort(): a reset stays a reset. So does a
//   target that cannot be connected. Once both FINs have come there is nothing left to tell, and
//   the other side is flushed in peace.
//
// `open` and `find` must be of the driver that runs the protocols.
ProtocolFactory make_relay(OpenConnection open, FindConnection find);
// The same on a reactor, which must outlive the factory and what it makes. `limits` are for the
// connections to the target.
ProtocolFactory make_relay(Reactor& reactor, Endpoint target, Limits limits = {});

// A hub passes each line of a member on to all others, with LF at its end (a CR before it is taken
// off). Lines go out whole and all see them in one order. All whole lines that arrive in one read go
// out as one buffer, which all who wait for it share. The factory's connections are the members; a
// FIN leaves, and a line without end is lost.
//
// The hub waits for nobody and drops no single line: a member that reads too slowly gets every line
// until more than max_queued bytes wait for it, bookkeeping included. Then it is aborted with
// errc::write_queue_full: what waited is dropped, the peer sees a reset, perhaps within a line. Above
// its high-water mark it is no longer read from. Lines past 8 KiB cost the sender's connection
// (errc::message_too_large). A buffer costs O(members).
ProtocolFactory make_hub(FindConnection find);

// Adds relay (option target=ENDPOINT, must be given) and hub. Both need the reactor: under a
// blocking driver the other side's connection belongs to another thread or process.
void register_relay(Registry& registry);

}  // namespace switchboard
