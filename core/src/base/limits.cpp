#include <switchboard/limits.hpp>

#include <sys/resource.h>
#include <algorithm>
#include <charconv>
#include <limits>
#include <variant>

namespace switchboard {
namespace {

using std::chrono::milliseconds;

template <class Part>
struct Count {
    std::size_t Part::*member;
    std::size_t least, most;
};
template <class Part>
struct Size {
    std::size_t Part::*member;
    std::size_t least, most;
};
template <class Part>
struct Time {
    milliseconds Part::*member;
    milliseconds most = milliseconds::max();
};

template <class Part>
struct Field {
    const char* name;
    std::variant<Count<Part>, Size<Part>, Time<Part>> value;
    const char* meaning;
};

constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kMostInt = std::numeric_limits<int>::max();
constexpr std::size_t kMostUnread = std::numeric_limits<std::uint32_t>::max();

constexpr milliseconds kMostTime = std::chrono::hours(24 * 10);  // the reactor counts it in 31 bits

using S = ServerLimits;
const Field<S> kServer[] = {
    {"max_connections", Count<S>{&S::max_connections, 0, kMost},
     "connections at once; 0: 10000, or the descriptor limit less 64 if that is smaller"},
    {"max_per_address", Count<S>{&S::max_per_address, 0, kMost},
     "connections at once from one IPv4 address or IPv6 /64; 0: no limit; reactor only"},
    {"accepts_per_second", Count<S>{&S::accepts_per_second, 0, kMost},
     "accepts per second, the rest wait in the backlog; 0: no limit; reactor only"},
    {"backlog", Count<S>{&S::backlog, 0, kMostInt}, "connections that the kernel queues"},
    {"max_accepts_per_turn", Count<S>{&S::max_accepts_per_turn, 1, kMost},
     "accepts in one turn of the loop; reactor only, other drivers ignore it"},
    {"accept_retry_delay", Time<S>{&S::accept_retry_delay},
     "pause after accept failed, for example for lack of descriptors"},
    {"drain_timeout", Time<S>{&S::drain_timeout}, "time that a drain waits for open connections"},
};

using C = ConnectionLimits;
const Field<C> kConnection[] = {
    {"connect_timeout", Time<C>{&C::connect_timeout}, "time for a connect"},
    {"first_byte_timeout", Time<C>{&C::first_byte_timeout, kMostTime},
     "time until the peer's first byte; 0: no limit"},
    {"idle_timeout", Time<C>{&C::idle_timeout, kMostTime},
     "time without a byte in either direction; 0: no limit"},
    {"max_connection_age", Time<C>{&C::max_connection_age, kMostTime},
     "time a connection may last; 0: no limit"},
    {"close_deadline", Time<C>{&C::close_deadline},
     "time that a close may take before the connection is aborted; 0: no limit"},
    {"drain_idle_timeout", Time<C>{&C::drain_idle_timeout, kMostTime},
     "time without a byte after which a drain closes a connection"},
    {"max_read_buffer", Size<C>{&C::max_read_buffer, 1, kMostUnread},
     "bytes that a handler may leave unused"},
};

using D = DatagramLimits;
const Field<D> kDatagram[] = {
    {"max_datagram", Size<D>{&D::max_datagram, 1, 65'535}, "bytes; larger datagrams are dropped"},
};

// The limits that ConnectionLimits and DatagramLimits both have.
template <class Part>
const Field<Part> kQueue[] = {
    {"write_stall_timeout", Time<Part>{&Part::write_stall_timeout},
     "time without progress while output is queued"},
    {"close_timeout", Time<Part>{&Part::close_timeout},
     "time without progress while a close sends what is queued"},
    {"high_water", Size<Part>{&Part::high_water, 1, kMost},
     "queued bytes above which the handler must stop writing"},
    {"low_water", Size<Part>{&Part::low_water, 0, kMost},
     "queued bytes at which the handler may write again"},
    {"max_write_buffer", Size<Part>{&Part::max_write_buffer, 1, kMost},
     "queued bytes above which a connection is aborted, or datagrams are dropped"},
    {"read_budget", Size<Part>{&Part::read_budget, 1, kMost},
     "bytes read from a connection or socket per turn"},
};

template <class Part, std::size_t N>
const Field<Part>* field(const Field<Part> (&fields)[N], std::string_view name) {
    const auto* found = std::find_if(std::begin(fields), std::end(fields),
                                     [&](const Field<Part>& f) { return name == f.name; });
    return found == std::end(fields) ? nullptr : found;
}

// A number and the unit after it.
struct Quantity {
    std::size_t number;
    std::string_view unit;
};

Result<Quantity> parse_quantity(std::string_view text, std::string_view expected) {
    Quantity q{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), q.number);
    if (error != std::errc{}) {
        const bool too_large = error == std::errc::result_out_of_range;
        return fail(errc::bad_option,
                    "\"" + std::string(text) + "\" is " +
                        (too_large ? "too large" : "not " + std::string(expected)));
    }
    q.unit = text.substr(static_cast<std::size_t>(end - text.data()));
    return q;
}

struct Unit {
    std::string_view name;
    std::size_t factor;
};
constexpr Unit kSizes[] = {{"", 1}, {"k", 1U << 10}, {"M", 1U << 20}, {"G", 1U << 30}};
constexpr Unit kTimes[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};

template <std::size_t N>
Result<std::size_t> parse_in(const Unit (&units)[N], std::string_view text, std::size_t most,
                             std::string_view expected) {
    const auto q = parse_quantity(text, expected);
    if (!q) return tl::unexpected(q.error());
    for (const Unit& unit : units) {
        if (unit.name != q->unit) continue;
        if (q->number <= most / unit.factor) return q->number * unit.factor;
        return fail(errc::bad_option, "\"" + std::string(text) + "\" is too large");
    }
    return fail(errc::bad_option, "\"" + std::string(text) + "\" is not " + std::string(expected));
}

Result<std::size_t> parse_count(std::string_view text) {
    constexpr Unit none[] = {{"", 1}};
    return parse_in(none, text, kMost, "a count like 10000");
}

// Uses the largest unit that leaves no remainder, so that set(name, value) gives the same value again.
template <std::size_t N>
std::string print_in(const Unit (&units)[N], std::size_t value) {
    const Unit* best = nullptr;
    for (const Unit& unit : units) {
        const bool larger = !best || unit.factor > best->factor || unit.name == "ms";
        if (larger && value % unit.factor == 0 && (value > 0 || unit.factor == 1)) best = &unit;
    }
    return std::to_string(value / best->factor) + std::string(best->name);
}

Result<void> store(std::size_t& to, Result<std::size_t> value, std::size_t least,
                   std::size_t most) {
    if (!value) return tl::unexpected(value.error());
    if (*value < least) return fail(errc::bad_option, "must be at least " + std::to_string(least));
    if (*value > most) return fail(errc::bad_option, "must be at most " + std::to_string(most));
    to = *value;
    return {};
}

template <class Part>
struct Setter {
    Part& limits;
    std::string_view text;

    Result<void> operator()(const Count<Part>& f) const {
        return store(limits.*f.member, parse_count(text), f.least, f.most);
    }
    Result<void> operator()(const Size<Part>& f) const {
        return store(limits.*f.member, parse_size(text), f.least, f.most);
    }
    Result<void> operator()(const Time<Part>& f) const {
        const auto time = parse_duration(text);
        if (!time) return tl::unexpected(time.error());
        if (*time > f.most) return fail(errc::bad_option, "must be at most 240h");
        limits.*f.member = *time;
        return {};
    }
};

template <class Part>
struct Printer {
    const Part& limits;

    std::string operator()(const Count<Part>& f) const { return std::to_string(limits.*f.member); }
    std::string operator()(const Size<Part>& f) const { return print_in(kSizes, limits.*f.member); }
    std::string operator()(const Time<Part>& f) const {
        return print_in(kTimes, static_cast<std::size_t>((limits.*f.member).count()));
    }
};

template <class Part>
struct Checker {
    const Part& limits;

    bool operator()(const Count<Part>& f) const {
        return within(limits.*f.member, f.least, f.most);
    }
    bool operator()(const Size<Part>& f) const { return within(limits.*f.member, f.least, f.most); }
    bool operator()(const Time<Part>& f) const {
        const milliseconds time = limits.*f.member;
        return time.count() >= 0 && (time <= f.most || time == milliseconds::max());
    }
    static bool within(std::size_t v, std::size_t least, std::size_t most) {
        return v >= least && v <= most;
    }
};

template <class Part, std::size_t N>
Result<void> check_fields(const Field<Part> (&fields)[N], const Part& part) {
    for (const Field<Part>& f : fields) {
        if (std::visit(Checker<Part>{part}, f.value)) continue;
        return fail(errc::bad_option, "limit " + std::string(f.name) + ": out of range");
    }
    return {};
}

template <class Part>
Result<void> check_queue(const Part& part) {
    if (auto fit = check_fields(kQueue<Part>, part); !fit) return fit;
    if (part.low_water >= part.high_water)
        return fail(errc::bad_option, "limit low_water: must be below high_water");
    if (part.high_water > part.max_write_buffer)
        return fail(errc::bad_option, "limit high_water: must not be above max_write_buffer");
    return {};
}

// Whether `name` is one of this part; then it is set, or `result` says why not.
template <class Part, std::size_t N>
bool set_in(const Field<Part> (&fields)[N], Part& part, std::string_view name,
            std::string_view value, Result<void>& result) {
    const Field<Part>* const found = field(fields, name);
    if (!found) return false;
    result = std::visit(Setter<Part>{part, value}, found->value).map_error([&](const Error& e) {
        return Error(e.code(), "limit " + std::string(name) + ": " + e.context());
    });
    return true;
}

template <class Part, std::size_t N>
void append(std::vector<Limits::Entry>& all, const Field<Part> (&fields)[N], const Part& part) {
    for (const Field<Part>& f : fields)
        all.push_back({f.name, std::visit(Printer<Part>{part}, f.value), f.meaning});
}

tl::unexpected<Error> needs_reactor(const char* limit) {
    return fail(errc::unsupported,
                std::string("limit ") + limit + ": applies only to connections under a reactor");
}

}  // namespace

std::size_t ServerLimits::connections_allowed() const {
    if (max_connections > 0) return max_connections;
    constexpr std::size_t most = 10'000, spare = 64;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= most + spare) return most;
    return files.rlim_cur > spare ? static_cast<std::size_t>(files.rlim_cur) - spare : 1;
}

Result<void> ServerLimits::check() const {
    return check_fields(kServer, *this);
}

Result<void> ServerLimits::check_without_reactor() const {
    if (max_per_address > 0) return needs_reactor("max_per_address");
    if (accepts_per_second > 0) return needs_reactor("accepts_per_second");
    return check();
}

Result<void> ConnectionLimits::check() const {
    if (auto fit = check_fields(kConnection, *this); !fit) return fit;
    return check_queue(*this);
}

Result<void> DatagramLimits::check() const {
    if (auto fit = check_fields(kDatagram, *this); !fit) return fit;
    return check_queue(*this);
}

Result<void> Limits::check() const {
    if (auto fit = server.check(); !fit) return fit;
    if (auto fit = connection.check(); !fit) return fit;
    return datagram.check();
}

Result<void> Limits::set(std::string_view name, std::string_view value) {
    Result<void> result;
    if (set_in(kServer, server, name, value, result)) return result;
    if (set_in(kConnection, connection, name, value, result)) return result;
    if (set_in(kDatagram, datagram, name, value, result)) return result;
    if (!set_in(kQueue<C>, connection, name, value, result))
        return fail(errc::bad_option, "limit " + std::string(name) + ": no such limit");
    if (result) set_in(kQueue<D>, datagram, name, value, result);
    return result;
}

std::vector<Limits::Entry> Limits::entries() const {
    std::vector<Entry> all;
    append(all, kServer, server);
    append(all, kConnection, connection);
    append(all, kQueue<C>, connection);
    append(all, kDatagram, datagram);
    return all;
}

Result<milliseconds> parse_duration(std::string_view text) {
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
    return parse_in(kTimes, text, most * 1000, "a time like 250ms, 5s or 1m")
        .map([](std::size_t ms) { return milliseconds(static_cast<milliseconds::rep>(ms)); });
}

Result<std::size_t> parse_size(std::string_view text) {
    return parse_in(kSizes, text, kMost, "a size like 65536, 64k or 1M");
}

}  // namespace switchboard
