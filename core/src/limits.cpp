#include <switchboard/limits.hpp>

#include <sys/resource.h>
#include <algorithm>
#include <charconv>
#include <limits>
#include <variant>

namespace switchboard {
namespace {

using std::chrono::milliseconds;

struct Count {
    std::size_t Limits::*member;
    std::size_t least, most;
};
struct Size {
    std::size_t Limits::*member;
    std::size_t least, most;
};
struct Time {
    milliseconds Limits::*member;
    milliseconds most = milliseconds::max();
};

struct Field {
    const char* name;
    std::variant<Count, Size, Time> value;
    const char* meaning;
};

constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kMostInt = std::numeric_limits<int>::max();
constexpr std::size_t kMostUnread = std::numeric_limits<std::uint32_t>::max();

constexpr milliseconds kMostTime = std::chrono::hours(24 * 10);  // the reactor counts it in 31 bits

const Field kFields[] = {
    {"max_connections", Count{&Limits::max_connections, 0, kMost},
     "connections at once; 0: 10000, or the descriptor limit less 64 if that is smaller"},
    {"backlog", Count{&Limits::backlog, 0, kMostInt},
     "connects that queue before more are refused"},
    {"accepts_per_wake", Count{&Limits::accepts_per_wake, 1, kMost}, "connects taken in one turn"},
    {"accept_pause", Time{&Limits::accept_pause},
     "wait after accept failed, as for want of descriptors"},
    {"drain_deadline", Time{&Limits::drain_deadline}, "time open connections have in a stop"},
    {"drain_idle", Time{&Limits::drain_idle, kMostTime},
     "time without a byte after which a stop closes a connection"},
    {"connect_timeout", Time{&Limits::connect_timeout}, "time a connect may take"},
    {"first_byte_timeout", Time{&Limits::first_byte_timeout, kMostTime},
     "time until the peer's first byte; 0 is none"},
    {"idle_timeout", Time{&Limits::idle_timeout, kMostTime},
     "time without a byte from the peer or to it; 0 is none"},
    {"lifetime", Time{&Limits::lifetime, kMostTime}, "time a connection may last; 0 is none"},
    {"write_stall_timeout", Time{&Limits::write_stall_timeout},
     "time without progress while bytes are queued"},
    {"close_timeout", Time{&Limits::close_timeout},
     "time without progress while a close sends what is queued"},
    {"close_deadline", Time{&Limits::close_deadline}, "time a close may take in all; 0 is none"},
    {"high_water", Size{&Limits::high_water, 1, kMost},
     "queued bytes above which writers must wait"},
    {"low_water", Size{&Limits::low_water, 0, kMost}, "queued bytes at which writers go on"},
    {"max_queued", Size{&Limits::max_queued, 1, kMost}, "queued bytes that cost the connection"},
    {"max_unread", Size{&Limits::max_unread, 1, kMostUnread}, "bytes a handler may leave unused"},
    {"read_budget", Size{&Limits::read_budget, 1, kMost}, "bytes read from a connection per turn"},
    {"max_datagram", Size{&Limits::max_datagram, 1, 65'535}, "bytes; larger datagrams are dropped"},
};

const Field* field(std::string_view name) {
    const auto* found = std::find_if(std::begin(kFields), std::end(kFields),
                                     [&](const Field& f) { return name == f.name; });
    return found == std::end(kFields) ? nullptr : found;
}

// A number and the unit behind it, if the text is that and nothing else.
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

// The largest unit that leaves no remainder, so that set(name, value) gives the same again.
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
    if (*value < least)
        return fail(errc::bad_option, "at least " + std::to_string(least) + " is needed");
    if (*value > most)
        return fail(errc::bad_option, "at most " + std::to_string(most) + " is allowed");
    to = *value;
    return {};
}

struct Setter {
    Limits& limits;
    std::string_view text;

    Result<void> operator()(const Count& f) const {
        return store(limits.*f.member, parse_count(text), f.least, f.most);
    }
    Result<void> operator()(const Size& f) const {
        return store(limits.*f.member, parse_size(text), f.least, f.most);
    }
    Result<void> operator()(const Time& f) const {
        const auto time = parse_duration(text);
        if (!time) return tl::unexpected(time.error());
        if (*time > f.most) return fail(errc::bad_option, "at most 240h is allowed");
        limits.*f.member = *time;
        return {};
    }
};

struct Printer {
    const Limits& limits;

    std::string operator()(const Count& f) const { return std::to_string(limits.*f.member); }
    std::string operator()(const Size& f) const { return print_in(kSizes, limits.*f.member); }
    std::string operator()(const Time& f) const {
        return print_in(kTimes, static_cast<std::size_t>((limits.*f.member).count()));
    }
};

struct Checker {
    const Limits& limits;

    bool operator()(const Count& f) const { return within(limits.*f.member, f.least, f.most); }
    bool operator()(const Size& f) const { return within(limits.*f.member, f.least, f.most); }
    bool operator()(const Time& f) const {
        const milliseconds time = limits.*f.member;
        return time.count() >= 0 && (time <= f.most || time == milliseconds::max());
    }
    static bool within(std::size_t v, std::size_t least, std::size_t most) {
        return v >= least && v <= most;
    }
};

}  // namespace

std::size_t Limits::connections_allowed() const {
    if (max_connections > 0) return max_connections;
    constexpr std::size_t most = 10'000, spare = 64;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= most + spare) return most;
    return files.rlim_cur > spare ? static_cast<std::size_t>(files.rlim_cur) - spare : 1;
}

Result<void> Limits::set(std::string_view name, std::string_view value) {
    const Field* found = field(name);
    if (!found)
        return fail(errc::bad_option,
                    "limit " + std::string(name) + ": there is none of that name");
    return std::visit(Setter{*this, value}, found->value).map_error([&](const Error& e) {
        return Error(e.code(), "limit " + std::string(name) + ": " + e.tried());
    });
}

Result<void> Limits::check() const {
    for (const Field& f : kFields) {
        if (std::visit(Checker{*this}, f.value)) continue;
        return fail(errc::bad_option, std::string("limit ") + f.name + ": out of range");
    }
    if (low_water >= high_water) {
        return fail(errc::bad_option, "limit low_water: must be below high_water");
    }
    if (high_water > max_queued) {
        return fail(errc::bad_option, "limit high_water: must not be above max_queued");
    }
    return {};
}

std::vector<Limits::Entry> Limits::entries() const {
    std::vector<Entry> all;
    for (const Field& f : kFields) {
        all.push_back({f.name, std::visit(Printer{*this}, f.value), f.meaning});
    }
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
