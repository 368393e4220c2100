// Names to addresses, without ever blocking the reactor.
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
    // From the call on, the wait for its turn included: errc::lookup_timed_out, or what one family has if
    // only the other is not answered. Zero is no limit.
    std::chrono::milliseconds timeout{5'000};
};

// Names a look-up until its `done`; never used again. A default one names nothing.
struct LookupId {
    std::uint64_t value = 0;
    friend bool operator==(const LookupId&, const LookupId&) = default;
};

// The addresses in the order to try them (RFC 6724), never empty; or why there are none, naming the
// name: an error of resolver_category(), errc::lookup_timed_out, errc::stopping or errc::forked.
using ResolveDone = std::function<void(Result<std::vector<SocketAddress>>)>;

// Looks up the TCP addresses of `name` at `service`, a port number or a name of /etc/services. `done`
// comes once, on the reactor's thread: from within run(), never from within this call; or, if the
// reactor ends first, from its destructor, which does not wait. One that is asked for from within a
// `done` of the destructor is dropped. In a forked child nothing is asked, and `done` comes with
// errc::forked if the host runs the loop there, or never. What it throws is logged.
//
// Answered without a query, whatever the network does: numeric addresses, "localhost" and what ends
// in ".localhost" (RFC 6761) unless /etc/hosts says otherwise, and what /etc/hosts has. All else asks the
// servers of /etc/resolv.conf, read anew for each look-up, for IPv6 and IPv4 at once, and under the same
// names in the same order as getaddrinfo(3) does: all addresses are those of one name of the search list.
// Reactor::connect does not wait for the slower family: 50 ms after the first addresses it starts, and the
// others join its attempts (RFC 8305, section 3). No other source of nsswitch.conf is asked, mDNS for one.
// Nothing is cached. At most ReactorOptions::max_lookups ask at once, the rest wait in order.
LookupId resolve(Reactor& reactor, std::string_view name, std::string_view service,
                 ResolveDone done, ResolveOptions options = {}, Site made = Site::current());
// Its `done` never comes, and what it asked is asked no more. Also from within a `done`, also when
// that one is gone already.
void cancel(Reactor& reactor, LookupId lookup);

}  // namespace switchboard
