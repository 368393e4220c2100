// Counts the cost of an exchange for a server, instead of timing it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <vector>

#include "cost/lockstep.hpp"
#include "system/server_process.hpp"

namespace switchboard::bench {

// Per exchange. Exact: the same on every machine, whatever else it does, except for the waits, which many
// connections share if they happen to be ready together.
struct Cost {
    double instructions = 0;  // user space; callgrind
    double calls = 0;         // system calls, all of them; strace
    double receives = 0;      // of these
    double sends = 0;
    double waits = 0;
    double watches = 0;  // epoll_ctl
    double other_calls = 0;
    double failed_receives = 0;  // EAGAIN: nothing was there to receive
    double allocations = 0;      // malloc and similar; memcheck
};

// A figure's name in files, and its place in a Cost.
struct CostFigure {
    const char* name;
    double Cost::*value;
};
const std::vector<CostFigure>& cost_figures();

inline bool is_fan_out(std::string_view workload) {
    return workload == "fan-out" || workload == "rooms";
}

struct CostCase {
    std::string server;       // as in the tables; a driver followed by "-udp": its datagrams
    std::size_t connections;  // sockets of the load
    std::size_t size;         // bytes per message
    // An exchange of "echo", "http" or "websocket" is a request and its reply. An exchange of "fan-out" or
    // "rooms" is a delivery: the last connection sends, and all others receive it through the hub, or through
    // a topic of WebSockets.
    std::string workload = "echo";
    std::vector<std::string> arguments = {};  // more arguments of `switchboard serve`
    std::size_t depth = 1;                    // requests that a connection sends together
    bool tls = false;                         // with a certificate that is made for the measurement
    std::string protocol = {};  // of `switchboard serve`; empty: what the workload needs
    std::string plugin = {};    // bench/plugins/NAME, whose protocol replaces the built-in one

    // What a connection says. If the arguments have --proxy-protocol, it begins with a PROXY header without
    // an address.
    Dialogue dialogue() const;
    bool is_fan_out() const { return bench::is_fan_out(workload); }
    std::size_t exchanges_per_round() const {
        return (connections - (is_fan_out() ? 1 : 0)) * depth;
    }
};

// errc::bad_option names what cannot be measured.
Result<void> check_case(const CostCase& what);

// Finds the server of that name; nullopt if it is unknown, or has no datagrams to measure.
std::optional<ServerKind> find_cost_server(const std::string& name);
// Whether valgrind and strace are installed.
Result<void> find_cost_tools();

// What to count; the other figures stay zero.
struct CostTools {
    bool strace = true;     // system calls
    bool callgrind = true;  // instructions
    bool memcheck = true;   // allocations
};

// Runs the server under each tool twice, with few and with many exchanges: the difference excludes the cost
// of starting and connecting. Takes about ten seconds. Fails after an interrupt.
Result<Cost> measure_cost(const CostCase& what, const CostTools& tools = {});

// Returns that difference per exchange, from the totals with few and with many exchanges.
double per_exchange(const CostCase& what, double few, double many);

// Since when connections are idle.
enum class IdleSince {
    connect,   // nothing has come from the client, except the handshakes of TLS and of a WebSocket
    exchange,  // the first one
};
// Returns nullopt for another name than those above.
std::optional<IdleSince> parse_idle_since(const std::string& name);

// User memory per connection, of connections that are idle.
Result<double> measure_idle_bytes(const CostCase& what, IdleSince since = IdleSince::exchange);

// Parses the output of `strace -c -U calls,errors,name`: the calls by name, and how many failed. Nullopt if
// the text is cut short or invalid, so that the calls do not add up to its total.
struct CallCount {
    double calls = 0;
    double errors = 0;
};
std::optional<std::map<std::string, CallCount>> parse_strace_summary(const std::string& text);
// Adds `weight` times each call to the matching figure of `cost`.
void add_calls(const std::map<std::string, CallCount>& counted, double weight, Cost& cost);
// "summary: N" of a callgrind file, "total heap usage: N allocs" of a memcheck log.
std::optional<double> parse_callgrind_total(const std::string& text);
std::optional<double> parse_memcheck_allocations(const std::string& text);
// Sums what `read` finds in the texts, one per process; nullopt if one of them has no figure.
using ReadCount = std::optional<double> (*)(const std::string&);
std::optional<double> sum_of(const std::vector<std::string>& texts, ReadCount read);

// Allows half a percent more: a run of thousands of exchanges may take one wait more or less.
bool is_within(double figure, double budget);

}  // namespace switchboard::bench
