// The look-ups of a reactor: who waits, who asks, and for how long.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <switchboard/resolver.hpp>

#include "dns_query.hpp"
#include "loop.hpp"
#include "timers.hpp"

namespace switchboard::detail {

class Resolver {
public:
    Resolver(Loop& loop, Timers& timers, std::size_t most)
        : loop_(loop), timers_(timers), most_(most) {}

    // `refused` is the answer, if there is one: nothing is asked then. `first`, if given, hears what one
    // family has 50 ms before the other has answered (RFC 8305, section 3); `done` has the rest then,
    // which may be nothing.
    LookupId start(std::string name, std::string_view service, ResolveDone done,
                   ResolveOptions options, std::error_code refused, const Site& site,
                   ResolveDone first = {});
    void list(LiveHandles& all) const;
    void cancel(LookupId id);
    void ask_no_more() { waiting_.clear(); }  // whoever waits for a turn never has one
    void close();                             // the rest ends with errc::stopping
    void abandon();                           // in a forked child: without a word to whoever waits

private:
    struct Lookup {
        explicit Lookup(const Site& site) : made(site) {}
        Made made;
        std::string name;
        std::string service;  // as it was asked, for messages
        std::uint16_t port = 0;
        ResolveDone done, first;
        std::vector<SocketAddress> found;  // of one family, while the other is waited for
        TimerId timeout;
        std::unique_ptr<DnsQuery> query;  // none: waits its turn, or is answered
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
    bool closed_ = false;  // nothing is taken any more
    Lookups lookups_;
    std::set<std::uint64_t> waiting_;  // the first is the oldest
};

}  // namespace switchboard::detail
