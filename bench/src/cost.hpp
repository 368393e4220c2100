// `switchboard-bench cost`: what an exchange costs, counted and not timed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <switchboard/error.hpp>
#include <vector>

namespace CLI {
class App;
}

namespace switchboard::bench {

// Per exchange, but for the memory. Exact: the same on every machine, whatever else it does, but for
// the waits, which many connections share as they happen to be ready together.
struct Cost {
    double instructions = 0;  // user space; callgrind
    double calls = 0;         // system calls, all of them; strace
    double receives = 0;      // of these
    double sends = 0;
    double waits = 0;
    double watches = 0;  // epoll_ctl
    double other_calls = 0;
    double failed_receives = 0;  // EAGAIN: asked for what was not there
    double allocations = 0;      // malloc and its like; memcheck
};

// What a file names, and where it stands in a Cost.
struct CostFigure {
    const char* name;
    double Cost::*value;
};
const std::vector<CostFigure>& cost_figures();

struct CostCase {
    std::string server;       // as in the tables; with "-udp" behind a driver, its datagrams
    std::size_t connections;  // sockets of the load
    std::size_t size;         // bytes per message
    // An exchange of "echo" is a request and its reply. One of "fan-out" is a delivery: the last
    // connection speaks, and all others hear it through the hub.
    std::string workload = "echo";
    std::vector<std::string> arguments = {};  // more of `switchboard serve`, of a driver

    // What each connection sends before its first request: a PROXY header without an address if the
    // arguments have --proxy-protocol, and nothing otherwise.
    std::string_view greeting() const;
    bool is_fan_out() const { return workload == "fan-out"; }
    std::size_t exchanges_per_round() const { return connections - (is_fan_out() ? 1 : 0); }
};

// errc::bad_option names what of it cannot be measured.
Result<void> check_case(const CostCase& what);

// Whether there is a server of that name.
bool is_cost_server(const std::string& name);
// Whether it serves one connection at a time, so that more have no cost to speak of.
bool serves_one_at_a_time(const std::string& server);
bool is_pool(const std::string& server);  // serves as many connections as it has workers
// Whether valgrind and strace are installed.
Result<void> find_cost_tools();

// Runs the server under each tool twice, with few and with many exchanges: the difference is free of
// what starting and connecting cost. Takes about ten seconds; none after an interrupt.
Result<Cost> measure_cost(const CostCase& what);

// What that difference is of one exchange: of two totals, of few exchanges and of many.
double per_exchange(const CostCase& what, double few, double many);

// User memory per connection: `count` connections that have each made one exchange and are idle.
Result<double> measure_idle_bytes(const std::string& server, std::size_t count, std::size_t size);

// The calls by name of what `strace -c -U calls,errors,name` wrote, and how many of them failed. None of
// a text that is cut short, or not understood: then they do not add up to its total.
struct CallCount {
    double calls = 0;
    double errors = 0;
};
std::optional<std::map<std::string, CallCount>> parse_strace_summary(const std::string& text);
// Adds `weight` times each call, in what it is of a Cost.
void add_calls(const std::map<std::string, CallCount>& counted, double weight, Cost& cost);
// "summary: N" of a callgrind file, "total heap usage: N allocs" of a memcheck log.
std::optional<double> parse_callgrind_total(const std::string& text);
std::optional<double> parse_memcheck_allocations(const std::string& text);
// What `read` finds in all the texts together, one a process; none if one of them has none.
using ReadCount = std::optional<double> (*)(const std::string&);
std::optional<double> sum_of(const std::vector<std::string>& texts, ReadCount read);

// Half a percent of slack: the one wait more or less that a run of thousands may take.
bool is_within(double figure, double budget);

// Adds `cost` to `app`, as add_compare() does.
void add_cost(CLI::App& app, std::function<int()>& chosen);

}  // namespace switchboard::bench
