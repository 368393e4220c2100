#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <regex>
#include <sstream>
#include <thread>

#include "cost.hpp"
#include "cpus.hpp"
#include "files.hpp"
#include "interrupt.hpp"
#include "lockstep.hpp"
#include "programs.hpp"
#include "server.hpp"
#include "usage.hpp"

namespace switchboard::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kPatience(30);  // programs start and end slowly under a tool
constexpr std::size_t kFewExchanges = 2'000;
constexpr std::size_t kManyExchanges = 12'000;

// A folder for what the tools write, removed with it.
class Scratchpad {
public:
    Scratchpad() {
        std::string name = (fs::temp_directory_path() / "switchboard-cost-XXXXXX").string();
        if (mkdtemp(name.data()) != nullptr) path_ = name;
    }
    Scratchpad(const Scratchpad&) = delete;
    Scratchpad& operator=(const Scratchpad&) = delete;
    ~Scratchpad() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const noexcept { return path_; }

private:
    fs::path path_;
};

enum class Tool { callgrind, strace, memcheck };

std::vector<std::string> tool_command(Tool tool, const fs::path& folder) {
    const std::string out = (folder / "out").string();
    switch (tool) {
        case Tool::callgrind:
            return {"/usr/bin/valgrind", "-q", "--tool=callgrind",
                    "--callgrind-out-file=" + out + ".%p"};
        case Tool::strace:
            // With -D the program is our child, and strace beside it: what ends our children, also
            // when this is killed, ends the program.
            return {"/usr/bin/strace",   "-D", "-f", "-qq", "-c", "-U",
                    "calls,errors,name", "-o", out};
        case Tool::memcheck:
            return {"/usr/bin/valgrind", "--tool=memcheck", "--leak-check=no",
                    "--undef-value-errors=no", "--log-file=" + out + ".%p"};
    }
    return {};
}

// What the tool wrote, one text a process.
std::vector<std::string> read_outputs(const fs::path& folder) {
    std::vector<std::string> texts;
    for (const auto& entry : fs::directory_iterator(folder))
        texts.push_back(read_text(entry.path().string()));
    return texts;
}

Result<void> wait_for(const std::function<bool()>& done, const std::string& what) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!done()) {
        if (is_interrupted()) return fail(std::make_error_code(std::errc::interrupted), what);
        if (std::chrono::steady_clock::now() > deadline) {
            return fail(std::make_error_code(std::errc::timed_out), what + " within 30 s");
        }
        std::this_thread::sleep_for(milliseconds(2));
    }
    return {};
}

// Also of strace, which is no child of ours, writes when the program has ended.
Result<std::vector<std::string>> end(Server& server, Tool tool, const fs::path& folder) {
    ::kill(server.pid(), SIGTERM);
    const auto has_ended = [&] { return !server.why_gone().empty(); };
    if (auto ended = wait_for(has_ended, "end the measured server"); !ended)
        return tl::unexpected(ended.error());
    if (tool != Tool::strace) return read_outputs(folder);
    std::vector<std::string> texts;
    const auto is_written = [&] {
        texts = read_outputs(folder);
        return texts.size() == 1 && parse_strace_summary(texts[0]);
    };
    if (auto written = wait_for(is_written, "read what strace counted"); !written)
        return tl::unexpected(written.error());
    return texts;
}

constexpr std::string_view kUdp = "-udp";

bool is_udp(const std::string& name) {
    return name.ends_with(kUdp);
}

std::string without_udp(const std::string& name) {
    return is_udp(name) ? name.substr(0, name.size() - kUdp.size()) : name;
}

std::vector<std::string> server_command(const CostCase& what) {
    ServerSetup setup{what.is_fan_out() ? "hub" : "echo", what.connections + 1, what.connections};
    if (is_udp(what.server)) setup.listen = "udp://127.0.0.1:0";
    setup.arguments = what.arguments;
    return command_for(*find_server_kind(without_udp(what.server)), own_folder(), setup);
}

// One run of the server under the tool, on the CPU that the load uses too: then a round's requests
// are all there when the server comes to run.
Result<std::vector<std::string>> run_under(Tool tool, const CostCase& what, std::size_t exchanges) {
    if (is_interrupted())
        return fail(std::make_error_code(std::errc::interrupted), "measure " + what.server);
    const Scratchpad pad;
    auto command = tool_command(tool, pad.path());
    const auto program = server_command(what);
    command.insert(command.end(), program.begin(), program.end());
    const auto cpus = plan_cpus(Cpus::shared);
    if (!cpus) return tl::unexpected(cpus.error());
    if (auto pinned = pin_to(cpus->generator); !pinned) return tl::unexpected(pinned.error());
    auto server = Server::start(command, {cpus->server}, kPatience);
    if (!server) return tl::unexpected(server.error());
    using Round = Lockstep::Round;
    auto load =
        Lockstep::open(server->endpoint(), what.connections, what.size,
                       what.is_fan_out() ? Round::fan_out : Round::echo, as_bytes(what.greeting()));
    if (!load) return tl::unexpected(load.error());
    if (auto ran = load->run(exchanges / what.exchanges_per_round()); !ran) {
        return tl::unexpected(ran.error());
    }
    load->close();
    return end(*server, tool, pad.path());
}

// The sum over the processes of what `read` finds in the tool's text.
Result<double> total_of(Tool tool, const CostCase& what, std::size_t exchanges, ReadCount read) {
    auto texts = run_under(tool, what, exchanges);
    if (!texts) return tl::unexpected(texts.error());
    const auto sum = sum_of(*texts, read);
    if (!sum) return fail(errc::unsupported, "read what valgrind counted");
    return *sum;
}

double exchanges_between(const CostCase& what) {
    const std::size_t round = what.exchanges_per_round();
    const std::size_t rounds = kManyExchanges / round - kFewExchanges / round;
    return static_cast<double>(rounds * round);
}

Result<double> slope(Tool tool, const CostCase& what, ReadCount read) {
    auto few = total_of(tool, what, kFewExchanges, read);
    if (!few) return few;
    auto many = total_of(tool, what, kManyExchanges, read);
    if (!many) return many;
    return per_exchange(what, *few, *many);
}

double* kind_of_call(const std::string& name, Cost& cost) {
    static const std::map<std::string, double Cost::*> kinds{
        {"recvfrom", &Cost::receives}, {"read", &Cost::receives},
        {"recvmsg", &Cost::receives},  {"readv", &Cost::receives},
        {"recvmmsg", &Cost::receives}, {"sendmmsg", &Cost::sends},
        {"sendto", &Cost::sends},      {"write", &Cost::sends},
        {"sendmsg", &Cost::sends},     {"writev", &Cost::sends},
        {"epoll_wait", &Cost::waits},  {"epoll_pwait", &Cost::waits},
        {"poll", &Cost::waits},        {"ppoll", &Cost::waits},
        {"select", &Cost::waits},      {"io_uring_enter", &Cost::waits},
        {"epoll_ctl", &Cost::watches}};
    const auto kind = kinds.find(name);
    return &(cost.*(kind == kinds.end() ? &Cost::other_calls : kind->second));
}

Result<void> count_calls(const CostCase& what, Cost& cost) {
    for (const auto& [exchanges, sign] : {std::pair{kFewExchanges, -1.0}, {kManyExchanges, 1.0}}) {
        const auto texts = run_under(Tool::strace, what, exchanges);
        if (!texts) return tl::unexpected(texts.error());
        add_calls(*parse_strace_summary(texts->at(0)), sign / exchanges_between(what), cost);
    }
    return {};
}

std::optional<double> number_after(const std::string& text, const std::string& label) {
    const auto found = text.find(label);
    if (found == std::string::npos) return std::nullopt;
    std::string digits;
    for (std::size_t i = found + label.size(); i < text.size(); ++i) {
        if (text[i] >= '0' && text[i] <= '9') {
            digits += text[i];
        } else if (text[i] != ',' && (text[i] != ' ' || !digits.empty())) {
            break;
        }
    }
    if (digits.empty()) return std::nullopt;
    return std::stod(digits);
}

}  // namespace

std::string_view CostCase::greeting() const {
    const bool proxied = std::ranges::find(arguments, "--proxy-protocol") != arguments.end();
    return proxied ? "PROXY UNKNOWN\r\n" : "";
}

bool is_cost_server(const std::string& name) {
    const auto kind = find_server_kind(without_udp(name));
    return kind && (kind->is_driver() || !is_udp(name));
}

Result<void> check_case(const CostCase& what) {
    if (!is_cost_server(what.server))
        return fail(errc::bad_option, "server " + what.server + ": there is none of that name");
    if (what.workload != "echo" && !what.is_fan_out())
        return fail(errc::bad_option, "workload " + what.workload + ": there is echo and fan-out");
    const auto kind = find_server_kind(without_udp(what.server));
    if (!kind->is_driver() && !what.arguments.empty())
        return fail(errc::bad_option, "arguments of " + what.server + ": it takes none");
    if (what.is_fan_out() && what.server != "reactor")
        return fail(errc::bad_option, "fan-out of " + what.server + ": the hub needs the reactor");
    if (what.connections < (what.is_fan_out() ? 2 : 1))
        return fail(errc::bad_option, what.workload + ": " + std::to_string(what.connections) +
                                          " connections are too few");
    return {};
}

std::optional<std::map<std::string, CallCount>> parse_strace_summary(const std::string& text) {
    std::map<std::string, CallCount> calls;
    double sum = 0, total = 0;
    std::istringstream lines(text);
    static const std::regex row(R"(^\s*(\d+)(?:\s+(\d+))?\s+(\w+)\s*$)");
    for (std::string line; std::getline(lines, line);) {
        std::smatch fields;
        if (!std::regex_match(line, fields, row)) continue;
        const double count = std::stod(fields[1]);
        if (fields[3] == "total") {
            total = count;
            continue;
        }
        sum += count;
        calls[fields[3]].calls += count;
        if (fields[2].matched) calls[fields[3]].errors += std::stod(fields[2]);
    }
    if (sum == 0 || sum != total) return std::nullopt;
    return calls;
}

void add_calls(const std::map<std::string, CallCount>& counted, double weight, Cost& cost) {
    for (const auto& [name, count] : counted) {
        double* const kind = kind_of_call(name, cost);
        *kind += weight * count.calls;
        cost.calls += weight * count.calls;
        if (kind == &cost.receives) cost.failed_receives += weight * count.errors;
    }
}

double per_exchange(const CostCase& what, double few, double many) {
    return (many - few) / exchanges_between(what);
}

std::optional<double> sum_of(const std::vector<std::string>& texts, ReadCount read) {
    double sum = 0;
    for (const std::string& text : texts) {
        const auto count = read(text);
        if (!count) return std::nullopt;
        sum += *count;
    }
    return sum;
}

std::optional<double> parse_callgrind_total(const std::string& text) {
    const auto summary = number_after(text, "\nsummary:");
    return summary ? summary : number_after(text, "\ntotals:");
}

std::optional<double> parse_memcheck_allocations(const std::string& text) {
    return number_after(text, "total heap usage:");
}

Result<Cost> measure_cost(const CostCase& what) {
    Cost cost;
    if (auto counted = count_calls(what, cost); !counted) return tl::unexpected(counted.error());
    const auto instructions = slope(Tool::callgrind, what, parse_callgrind_total);
    if (!instructions) return tl::unexpected(instructions.error());
    cost.instructions = *instructions;
    const auto allocations = slope(Tool::memcheck, what, parse_memcheck_allocations);
    if (!allocations) return tl::unexpected(allocations.error());
    cost.allocations = *allocations;
    return cost;
}

Result<double> measure_idle_bytes(const std::string& server, std::size_t count, std::size_t size) {
    const auto cpus = plan_cpus(Cpus::apart);
    if (!cpus) return tl::unexpected(cpus.error());
    auto running = Server::start(server_command({server, count, size}), {cpus->server}, kPatience);
    if (!running) return tl::unexpected(running.error());
    auto first = Lockstep::open(running->endpoint(), 1, size);
    if (!first) return tl::unexpected(first.error());
    const std::size_t before = read_memory(running->pid());
    auto idle = Lockstep::open(running->endpoint(), count, size);
    if (!idle) return tl::unexpected(idle.error());
    const std::size_t after = read_memory(running->pid());
    return (static_cast<double>(after) - static_cast<double>(before)) / static_cast<double>(count);
}

}  // namespace switchboard::bench
