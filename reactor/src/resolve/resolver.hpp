// The look-ups of a reactor: which of them run, which wait, and for how long.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <switchboard/resolver.hpp>

#include "dns_query.hpp"
#include "loop/loop.hpp"
#include "loop/timers.hpp"

namespace switchboard::detail {

class Resolver {
public:
    Resolver(Loop& loop, Timers& timers, std::size_t most)
        : loop_(loop), timers_(timers), most_(most) {}

    // If `refused` is set, it is the result and no server is asked. `first`, if given, gets the addresses of
    // one family if the other family is not answered within 50 ms (RFC 8305, section 3). `done` then gets
    // the rest, which may be empty.
    LookupId start(std::string name, std::string_view service, ResolveDone done,
                   ResolveOptions options, std::error_code refused, const SourceLocation& location,
                   ResolveDone first = {});
    void list(LiveHandles& all) const;
    void cancel(LookupId id);
    void ask_no_more() { waiting_.clear(); }  // look-ups that wait are never started
    void close();                             // ends all look-ups with errc::stopping
    void abandon();                           // in a forked child: ends all, calls no `done`

private:
    struct Lookup {
        explicit Lookup(const SourceLocation& location) : made(location) {}
        Creation made;
        std::string name;
        std::string service;  // as passed in, for messages
        std::uint16_t port = 0;
        ResolveDone done, first;
        std::vector<SocketAddress> found;  // of one family, while the other is not answered
        TimerId timeout;
        std::unique_ptr<DnsQuery> query;  // null: waits for its turn, or needs no query
    };
    using Lookups = std::map<std::uint64_t, Lookup>;  // in order of the calls

    void heard(std::uint64_t id, Found found, bool is_last);
    void timed_out(std::uint64_t id);
    void finish(std::uint64_t id, Found found);
    void forget(Lookups::iterator lookup);
    void ask_next();
    void ask(std::uint64_t id, Lookup& lookup);

    Loop& loop_;
    Timers& timers_;
    const std::size_t most_;
    std::uint64_t last_ = 0;
    std::size_t asking_ = 0;
    bool closed_ = false;  // no look-up may be started any more
    Lookups lookups_;
    std::set<std::uint64_t> waiting_;  // the oldest first
};

}  // namespace switchboard::detail
