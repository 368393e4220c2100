// The servers that are compared: the list of them, and a running one.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/endpoint.hpp>
#include <vector>

namespace switchboard::bench {

// A server, by its name in --drivers and in the tables.
struct ServerKind {
    std::string name;
    std::string program;   // file name, in the folder of switchboard-bench
    std::string driver;    // of `switchboard serve`; empty: a peer, see peers/peer.h
    std::string needs;     // a peer that may be missing: what its build requires
    std::size_t reactors;  // of the driver reactor
    // A server of the user's own has one of both: a command in which {port} stands for the port to listen on,
    // or the endpoint where it listens already.
    std::string command = {};
    std::optional<Endpoint> endpoint = {};
    std::string serves = "echo";  // a peer: its protocol
    bool speaks_tls = true;

    bool is_driver() const { return !driver.empty(); }
    bool is_own() const { return !command.empty() || endpoint; }
    // Whether it may be measured with that protocol of `switchboard serve`.
    bool speaks(std::string_view protocol) const {
        return is_driver() || is_own() || serves == protocol;
    }
    bool may_be_missing() const { return !needs.empty(); }
    // Whether it makes a thread or a process for each connection, which ends with it.
    bool forks() const { return driver == "threads" || driver == "processes"; }
    bool is_pool() const { return driver.ends_with("-pool"); }  // serves one connection per worker
    bool serves_one_at_a_time() const { return driver == "iterative"; }
    // Returns how many CPUs it can use at once.
    std::size_t most_cpus(std::size_t connections, std::size_t workers) const;
};

// All built-in servers, in the order of the tables: the drivers, and the peers of peers/CMakeLists.txt.
const std::vector<ServerKind>& server_kinds();
std::string list_servers();  // their names, for people
// Finds a built-in server, or reactor-xN: the reactor in N threads, 2 to 64.
std::optional<ServerKind> find_server_kind(std::string_view name);

// Parses NAME=COMMAND, where COMMAND has {port}, or NAME=ENDPOINT. errc::bad_option names the mistake.
Result<ServerKind> parse_own_server(const std::string& text);

inline constexpr const char* kFreePort = "tcp://127.0.0.1:0";

// Returns how many short connections a server may see open with so many clients: a client that was answered
// closes and reconnects before the server has read its FIN.
constexpr std::size_t short_seen_at_once(std::size_t parallel) noexcept {
    return 4 * parallel + 1'000;
}

struct ServerSetup {
    std::string protocol;
    std::size_t max_connections;
    std::size_t workers;
    std::string listen = kFreePort;           // or unix:PATH
    std::vector<std::string> options = {};    // NAME=VALUE of the protocol
    std::vector<std::string> arguments = {};  // more arguments of `switchboard serve`
    std::string tls = {};                     // "CERTIFICATE,KEY": its files; empty: without TLS
};
// Returns the command line that serves `setup.protocol`.
std::vector<std::string> command_for(const ServerKind& kind, const std::string& folder,
                                     const ServerSetup& setup);

// Returns why it cannot be measured: its program is missing or, for a peer that may be missing, fails to
// listen, for example because this kernel does not support it. Empty if no reason is known.
std::string why_unavailable(const ServerKind& kind, const std::string& folder, int cpu);

// A server process and its descendants. It has its own process group, so that Ctrl-C reaches only the
// benchmark. If the benchmark dies, it gets a signal to end.
class Server {
public:
    // Starts `command` pinned to `cpus`, and waits for its line "listening on ENDPOINT (...)". Fails if it
    // ends or prints nothing within `timeout`; the message has the last line that it wrote.
    static Result<Server> start(const std::vector<std::string>& command,
                                const std::vector<int>& cpus,
                                std::chrono::milliseconds timeout = std::chrono::seconds(10));
    // Starts the command of a user's own server through the shell, with a free port, and waits until it
    // accepts a connection. For a server that listens already, nothing is started or stopped.
    static Result<Server> start_own(const ServerKind& kind, const std::vector<int>& cpus,
                                    std::chrono::milliseconds timeout = std::chrono::seconds(10));
    Server(Server&& other) noexcept;
    Server& operator=(Server&&) = delete;
    ~Server();  // like stop()

    const Endpoint& endpoint() const noexcept { return endpoint_; }
    pid_t pid() const noexcept { return pid_; }  // -1: it was not started here
    // Returns why it no longer runs ("ended by signal 11: its last words"); empty while it runs.
    std::string why_gone();
    // Sends SIGTERM and, after two seconds, SIGKILL to it and its descendants. Waits until all have ended.
    void stop() noexcept;

private:
    Server() = default;
    Result<void> spawn(const std::vector<std::string>& command, const std::vector<int>& cpus);
    Result<void> await_connection(const std::string& name, std::chrono::milliseconds timeout);
    Result<void> await_listening(const std::string& program, std::chrono::milliseconds timeout);
    Result<std::string> read_line(std::chrono::milliseconds timeout);
    std::string last_words() const;
    bool reap(std::chrono::milliseconds patience) noexcept;  // returns whether it has ended

    pid_t pid_ = -1;
    int status_ = 0;  // man 2 waitpid, once pid_ has been reaped
    bool reaped_ = false;
    int output_ = -1;  // its stdout
    int stderr_ = -1;  // its stderr, in memory
    Endpoint endpoint_;
};

}  // namespace switchboard::bench
