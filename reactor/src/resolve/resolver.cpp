#include "resolver.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "address_order.hpp"

namespace switchboard::detail {
namespace {

using Addresses = std::vector<SocketAddress>;

std::error_code gai_error(int code) {
    return {code, resolver_category()};
}

// Without a host, getaddrinfo asks no server; it reads /etc/services.
tl::expected<std::uint16_t, std::error_code> port_of(const std::string& service) {
    std::uint16_t port = 0;
    const char* const end = service.data() + service.size();
    const auto [stop, error] = std::from_chars(service.data(), end, port);
    if (error == std::errc() && stop == end) return port;
    // glibc would read 65536 as 0.
    const bool number = service.find_first_not_of("0123456789") == std::string::npos;
    if (number || service.find('\0') != std::string::npos)
        return tl::unexpected(gai_error(EAI_SERVICE));
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(nullptr, service.c_str(), &hints, &found);
    if (code != 0) return tl::unexpected(gai_error(code));
    port = Endpoint::from(SocketAddress(found->ai_addr, found->ai_addrlen)).port();
    ::freeaddrinfo(found);
    return port;
}

// RFC 6761, section 6.3.
bool is_localhost(std::string name) {
    if (name.ends_with('.')) name.pop_back();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return name == "localhost" || name.ends_with(".localhost");
}

// Returns the result if no query is needed, and nothing if the DNS must be asked.
std::optional<Found> known(const std::string& name, std::uint16_t port) {
    if (name.empty() || name.find('\0') != std::string::npos)
        return tl::unexpected(gai_error(EAI_NONAME));
    auto literal = Endpoint::tcp(name, port).addresses();
    if (!literal) return tl::unexpected(literal.error().code());
    if (!literal->empty()) return std::move(*literal);
    Addresses found = from_hosts_file(name, port);
    if (found.empty() && is_localhost(name)) {
        for (const char* loopback : {"::1", "127.0.0.1"})
            found.push_back(Endpoint::tcp(loopback, port).addresses().value().front());
    }
    if (found.empty()) return std::nullopt;
    return in_order(found);
}

}  // namespace

LookupId Resolver::start(std::string name, std::string_view service, ResolveDone done,
                         ResolveOptions options, std::error_code refused,
                         const SourceLocation& location, ResolveDone first) {
    if (closed_) return {};
    const std::uint64_t id = ++last_;
    Lookup& made = lookups_.emplace(id, location).first->second;
    made.service = service;
    made.done = std::move(done);
    made.first = std::move(first);
    const auto port = refused ? tl::unexpected(refused) : port_of(made.service);
    made.port = port.value_or(std::uint16_t{0});
    auto answer = port ? known(name, made.port) : Found(tl::unexpected(port.error()));
    made.name = std::move(name);
    if (answer) {
        loop_.at_end_of_turn([this, id, found = std::move(*answer)] { finish(id, found); });
        return {id};
    }
    if (options.timeout.count() > 0) {
        made.timeout = timers_.start(options.timeout, {}, [this, id] { timed_out(id); });
    }
    waiting_.insert(id);
    ask_next();
    return {id};
}

void Resolver::ask_next() {
    while (asking_ < most_ && !waiting_.empty()) {
        const std::uint64_t id = *waiting_.begin();
        waiting_.erase(waiting_.begin());
        ask(id, lookups_.at(id));
    }
}

void Resolver::ask(std::uint64_t id, Lookup& lookup) {
    ++asking_;
    lookup.query = std::make_unique<DnsQuery>(
        loop_, timers_, read_resolv_conf(), lookup.name, lookup.port,
        [this, id](Found found, bool is_last) { heard(id, std::move(found), is_last); });
}

void Resolver::heard(std::uint64_t id, Found found, bool is_last) {
    Lookup& lookup = lookups_.at(id);
    if (found) {
        Addresses& all = lookup.found;
        all.insert(all.end(), found->begin(), found->end());
        found = in_order(all);
    }
    if (is_last) return finish(id, std::move(found));
    if (!lookup.first) return;
    lookup.found.clear();
    const ResolveDone first = std::move(lookup.first);  // moved, because it may end the look-up
    loop_.guarded("resolve", [&] { first(std::move(*found)); });
}

// The addresses of one family are a result, too.
void Resolver::timed_out(std::uint64_t id) {
    const Addresses& found = lookups_.at(id).found;
    if (!found.empty()) return finish(id, in_order(found));
    finish(id, tl::unexpected(make_error_code(errc::lookup_timed_out)));
}

void Resolver::cancel(LookupId id) {
    const auto found = lookups_.find(id.value);
    if (found == lookups_.end()) return;
    forget(found);
    ask_next();
}

void Resolver::forget(Lookups::iterator lookup) {
    timers_.cancel(lookup->second.timeout);
    waiting_.erase(lookup->first);
    if (lookup->second.query) --asking_;
    const auto gone = lookups_.extract(lookup);  // destroying `done` may cancel other look-ups
}

// Starts the next look-up before it calls `done`, which may throw.
void Resolver::finish(std::uint64_t id, Found found) {
    const auto lookup = lookups_.find(id);
    if (lookup == lookups_.end()) return;  // cancelled
    const ResolveDone done = std::move(lookup->second.done);
    const std::string tried = "resolve " + lookup->second.name + ":" + lookup->second.service;
    forget(lookup);
    ask_next();
    loop_.guarded("resolve", [&] {
        if (found) return done(std::move(*found));
        done(fail(found.error(), tried));
    });
}

// A look-up that is started by a `done` here is dropped. Otherwise a `done` that always asks again would
// never let this end.
void Resolver::close() {
    ask_no_more();
    const std::uint64_t last = last_;
    while (!lookups_.empty() && lookups_.begin()->first <= last) {
        finish(lookups_.begin()->first, tl::unexpected(make_error_code(errc::stopping)));
    }
    abandon();
}

void Resolver::abandon() {
    closed_ = true;
    ask_no_more();
    while (!lookups_.empty()) forget(lookups_.begin());
}

}  // namespace switchboard::detail
