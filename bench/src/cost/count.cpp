#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <regex>
#include <sstream>

#include "base/files.hpp"
#include "base/parse.hpp"
#include "base/text.hpp"
#include "cost/cost.hpp"
#include "cost/lockstep.hpp"
#include "system/certificate.hpp"
#include "system/cpus.hpp"
#include "system/server_process.hpp"
#include "system/usage.hpp"
#include "workload/web.hpp"
#include "workload/workload.hpp"

namespace switchboard::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kToolPatience(30);  // programs start and end slowly under a tool
constexpr std::size_t kFewExchanges = 2'000;
constexpr std::size_t kManyExchanges = 12'000;

// A folder for the output of the tools. Its files are removed with it.
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
            // With -D the program is our child, and strace runs beside it. If our children are ended, also
            // because this process is killed, the program ends.
            return {"/usr/bin/strace",   "-D", "-f", "-qq", "-c", "-U",
                    "calls,errors,name", "-o", out};
        case Tool::memcheck:
            return {"/usr/bin/valgrind", "--tool=memcheck", "--leak-check=no",
                    "--undef-value-errors=no", "--log-file=" + out + ".%p"};
    }
    return {};
}

// The output of the tool, one text per process.
using Texts = std::vector<std::string>;

Texts read_outputs(const fs::path& folder) {
    Texts texts;
    for (const auto& entry : fs::directory_iterator(folder))
        texts.push_back(read_text(entry.path().string()));
    return texts;
}

Result<void> wait_for(const std::function<bool()>& done, const std::string& what) {
    bool is_done = false;
    const bool in_time =
        wait_until([&] { return (is_done = done()) || is_interrupted(); }, kToolPatience);
    if (is_done) return {};
    return in_time ? fail(std::make_error_code(std::errc::interrupted), what)
                   : fail(std::make_error_code(std::errc::timed_out), what + " within 30 s");
}

// Also waits for strace: it is not our child, and writes after the program has ended.
Result<Texts> end(Server& server, Tool tool, const fs::path& folder) {
    ::kill(server.pid(), SIGTERM);
    const auto has_ended = [&] { return !server.why_gone().empty(); };
    const auto is_written = [&] {
        const Texts texts = read_outputs(folder);
        return tool != Tool::strace || (texts.size() == 1 && parse_strace_summary(texts[0]));
    };
    return wait_for(has_ended, "end the measured server")
        .and_then([&] { return wait_for(is_written, "read what strace counted"); })
        .map([&] { return read_outputs(folder); });
}

constexpr std::string_view kUdp = "-udp";

bool is_udp(const std::string& name) {
    return name.ends_with(kUdp);
}

// Only `cost` has the workload rooms: a fan-out over WebSocket.
std::string protocol_of(const CostCase& what) {
    if (!what.protocol.empty()) return what.protocol;
    return std::string(what.workload == "rooms" ? what.workload
                                                : find_workload_kind(what.workload)->protocol);
}

std::vector<std::string> server_command(const CostCase& what,
                                        const std::optional<CertificateFiles>& certificate) {
    ServerSetup setup{protocol_of(what), what.connections + 2, what.connections};
    if (what.workload == "http") setup.options.push_back(fmt::format("size={}", what.size));
    if (is_udp(what.server)) setup.listen = "udp://127.0.0.1:0";
    setup.arguments = what.arguments;
    if (!what.plugin.empty()) {
        setup.protocol = what.plugin;
        setup.arguments.insert(setup.arguments.end(),
                               {"--plugin", own_folder() + "/plugins/" + what.plugin + ".so"});
    }
    if (certificate) setup.tls = certificate->paths();
    return command_for(*find_cost_server(what.server), own_folder(), setup);
}

// Runs the server under the tool once, on the CPU of the load: all requests of a round have arrived when the
// server runs. So the server must not preempt the load, which sends them.
Result<Texts> run_under(Tool tool, const CostCase& what, std::size_t exchanges) {
    if (is_interrupted())
        return fail(std::make_error_code(std::errc::interrupted), "measure " + what.server);
    const Scratchpad pad;
    auto command = tool_command(tool, pad.path());
    const auto certificate = CertificateFiles::make_if(what.tls);
    if (!certificate) return tl::unexpected(certificate.error());
    const auto program = server_command(what, *certificate);
    command.insert(command.end(), program.begin(), program.end());
    auto server = plan_cpus(Cpus::shared).and_then([&](const CpuPlan& cpus) {
        return pin_to(cpus.generator).and_then(no_wakeup_preemption).and_then([&] {
            return Server::start(command, {cpus.server}, kToolPatience);
        });
    });
    if (!server) return tl::unexpected(server.error());
    return Lockstep::open(server->endpoint(), what.connections, what.dialogue())
        .and_then([&](Lockstep load) { return load.run(exchanges / what.exchanges_per_round()); })
        .and_then([&] { return end(*server, tool, pad.path()); });
}

// Sums what `read` finds in the tool's output over the processes.
Result<double> total_of(Tool tool, const CostCase& what, std::size_t exchanges, ReadCount read) {
    return run_under(tool, what, exchanges).and_then([&](const Texts& texts) -> Result<double> {
        const auto sum = sum_of(texts, read);
        if (!sum) return fail(errc::unsupported, "read what valgrind counted");
        return *sum;
    });
}

double exchanges_between(const CostCase& what) {
    const std::size_t round = what.exchanges_per_round();
    const std::size_t rounds = kManyExchanges / round - kFewExchanges / round;
    return static_cast<double>(rounds * round);
}

Result<double> slope(Tool tool, const CostCase& what, ReadCount read) {
    return total_of(tool, what, kFewExchanges, read).and_then([&](double few) {
        return total_of(tool, what, kManyExchanges, read).map([&](double many) {
            return per_exchange(what, few, many);
        });
    });
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

// "LABEL 12,345": the tools group the digits.
std::optional<double> number_after(const std::string& text, const std::string& label) {
    const auto found = text.find(label);
    if (found == std::string::npos) return std::nullopt;
    std::string number = text.substr(found + label.size(), 64);
    std::erase(number, ',');
    double value = 0;
    return std::istringstream(number) >> value ? std::optional(value) : std::nullopt;
}

Dialogue websocket_dialogue(std::size_t size) {
    const FrameHead asked = frame_head(size, true), answered = frame_head(size, false);
    const auto text = [](const FrameHead& head) {
        return std::string(as_text(Bytes(head.bytes).first(head.size)));
    };
    std::string message = echo_dialogue(size).request, masked = message;
    for (char& byte : masked) byte = static_cast<char>(byte ^ static_cast<char>(kMask));
    return {.greeting = std::string(kWebSocketRequest),
            .greeting_end = std::string(kEndOfHead),
            .request = text(asked) + masked,
            .reply = text(answered) + message};
}

Dialogue dialogue_of(const std::string& workload, std::size_t size) {
    if (workload == "websocket" || workload == "rooms") return websocket_dialogue(size);
    if (workload == "http")
        return {.request = std::string(kHttpRequest), .reply = hello_page(size), .has_head = true};
    return echo_dialogue(size);
}

}  // namespace

Dialogue CostCase::dialogue() const {
    Dialogue dialogue = dialogue_of(workload, size);
    const bool proxied = std::ranges::find(arguments, "--proxy-protocol") != arguments.end();
    if (proxied) dialogue.greeting.insert(0, "PROXY UNKNOWN\r\n");
    dialogue.depth = depth;
    dialogue.tls = tls;
    dialogue.is_fan_out = is_fan_out();
    return dialogue;
}

std::optional<ServerKind> find_cost_server(const std::string& name) {
    auto kind = find_server_kind(is_udp(name) ? name.substr(0, name.size() - kUdp.size()) : name);
    return kind && (kind->is_driver() || !is_udp(name)) ? kind : std::nullopt;
}

Result<void> check_case(const CostCase& what) {
    const auto kind = find_cost_server(what.server);
    if (!kind) return bad_option("unknown server '{}'", what.server);
    constexpr std::array kWorkloads = {"echo", "fan-out", "http", "websocket", "rooms"};
    if (std::ranges::find(kWorkloads, what.workload) == kWorkloads.end())
        return bad_option("unknown workload '{}'; available: {}", what.workload,
                          fmt::join(kWorkloads, ", "));
    if (const auto protocol = protocol_of(what); !kind->speaks(protocol))
        return bad_option("{} serves {}, not {}", what.server, kind->serves, protocol);
    if (what.tls && (!kind->speaks_tls || is_udp(what.server)))
        return bad_option("{} does not speak TLS", what.server);
    if (!kind->is_driver() && !(what.arguments.empty() && what.plugin.empty()))
        return bad_option("{} takes no arguments", what.server);
    if (what.is_fan_out() && what.server != "reactor")
        return bad_option("{} of {}: its protocol requires the reactor", what.workload,
                          what.server);
    if (const std::size_t least = what.is_fan_out() ? 2 : 1; what.connections < least)
        return bad_option("{} requires at least {}", what.workload,
                          count_text(least, "connection"));
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

Result<Cost> measure_cost(const CostCase& what, const CostTools& tools) {
    Cost cost;
    const auto count = [&](bool wanted, Tool tool, ReadCount read) {
        return wanted ? slope(tool, what, read) : Result<double>(0);
    };
    return (tools.strace ? count_calls(what, cost) : Result<void>())
        .and_then([&] { return count(tools.callgrind, Tool::callgrind, parse_callgrind_total); })
        .and_then([&](double instructions) {
            cost.instructions = instructions;
            return count(tools.memcheck, Tool::memcheck, parse_memcheck_allocations);
        })
        .map([&](double allocations) {
            cost.allocations = allocations;
            return cost;
        });
}

std::optional<IdleSince> parse_idle_since(const std::string& name) {
    if (name == "connect") return IdleSince::connect;
    if (name == "exchange") return IdleSince::exchange;
    return std::nullopt;
}

Result<double> measure_idle_bytes(const CostCase& what, IdleSince since) {
    Dialogue dialogue = what.dialogue();
    if (since == IdleSince::connect) dialogue.request.clear();
    const auto certificate = CertificateFiles::make_if(what.tls);
    if (!certificate) return tl::unexpected(certificate.error());
    const auto command = server_command(what, *certificate);
    auto running = plan_cpus(Cpus::apart).and_then([&](const CpuPlan& cpus) {
        return Server::start(command, {cpus.server}, kToolPatience);
    });
    if (!running) return tl::unexpected(running.error());
    const Endpoint at = running->endpoint();
    const auto memory = [&] { return static_cast<double>(read_memory(running->pid())); };
    // The reply to the last connection shows that those before it were accepted.
    const Dialogue last = what.dialogue();
    const auto first = Lockstep::open(at, 1, last);
    const double before = memory();
    if (!first) return tl::unexpected(first.error());
    return Lockstep::open(at, what.connections, dialogue).and_then([&](const Lockstep&) {
        return Lockstep::open(at, 1, last).map([&](const Lockstep&) {
            return (memory() - before) / static_cast<double>(what.connections + 1);
        });
    });
}

bool is_within(double figure, double budget) {
    return figure <= budget * 1.005 + 0.005;
}

const std::vector<CostFigure>& cost_figures() {
    static const std::vector<CostFigure> figures{
        {"instructions", &Cost::instructions},
        {"calls", &Cost::calls},
        {"receives", &Cost::receives},
        {"sends", &Cost::sends},
        {"waits", &Cost::waits},
        {"watches", &Cost::watches},
        {"other_calls", &Cost::other_calls},
        {"failed_receives", &Cost::failed_receives},
        {"allocations", &Cost::allocations},
    };
    return figures;
}

Result<void> find_cost_tools() {
    for (const char* tool : {"/usr/bin/valgrind", "/usr/bin/strace"}) {
        if (access(tool, X_OK) != 0) return fail_errno(std::string("use ") + tool);
    }
    return {};
}

}  // namespace switchboard::bench
