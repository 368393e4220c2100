// Name look-ups that never block the reactor.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <switchboard/reactor.hpp>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard {

struct ResolveOptions {
    // Runs from the call on and includes the wait for a turn (max_lookups). When it is over, `done` gets the
    // addresses of one family if only the other was not answered, else errc::lookup_timed_out. Zero: no
    // limit.
    std::chrono::milliseconds timeout{5'000};
};

using LookupId = Id<struct LookupTag>;

// Gets the addresses in the order to try them (RFC 6724); the list is never empty. Errors: a code of
// resolver_category(), errc::lookup_timed_out, errc::stopping or errc::forked. The message has the name.
using ResolveDone = std::function<void(Result<std::vector<SocketAddress>>)>;

// Looks up the TCP addresses of `name` with the port `service`, which is a number or a name of
// /etc/services. `done` is called once, on the reactor's thread: from within run(), never from within this
// call. If the reactor is destroyed first, its destructor calls `done` and does not wait; a look-up that is
// started from such a `done` is dropped. In a forked child no server is asked: `done` gets errc::forked if
// the host runs the loop there, otherwise it is never called. An exception from `done` is logged.
//
// Numeric addresses, names in /etc/hosts, and "localhost" and names ending in ".localhost" (RFC 6761;
// /etc/hosts takes precedence) need no query, so they work whatever the network does. Other names are asked
// of the servers in /etc/resolv.conf, which is read for each look-up. IPv6 and IPv4 are asked for at the
// same time, and names of the search list in the same order as getaddrinfo(3) does; all addresses belong to
// one name of the list. Reactor::connect() does not wait for the slower family: it starts 50 ms after the
// first addresses, and the other addresses join its attempts (RFC 8305, section 3). Other sources of
// nsswitch.conf, such as mDNS, are not used. Nothing is cached. At most ReactorOptions::max_lookups look-ups
// run at once; others wait in order.
LookupId resolve(Reactor& reactor, std::string_view name, std::string_view service,
                 ResolveDone done, ResolveOptions options = {},
                 SourceLocation location = SourceLocation::current());
// Ends the look-up and its queries. Its `done` is never called. May be called from within a `done`, and
// after the look-up has ended, when it does nothing.
void cancel(Reactor& reactor, LookupId lookup);

}  // namespace switchboard
