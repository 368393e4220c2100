// The servers that are compared: which there are, and one running.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/endpoint.hpp>
#include <vector>

namespace switchboard::bench {

// A server by the name it has in --drivers and in the tables.
struct ServerKind {
    std::string name;
    std::string program;   // file name, beside switchboard-bench
    std::string driver;    // of `switchboard serve`; empty: a peer, see peers/peer.h
    std::string needs;     // of a peer that may be missing: what it is not built without
    std::size_t reactors;  // of the driver reactor

    bool is_driver() const { return !driver.empty(); }
    bool may_be_missing() const { return !needs.empty(); }
    // It makes a thread or a process for each connection, which ends with it.
    bool forks() const { return driver == "threads" || driver == "processes"; }
    // How many CPUs it can use at once.
    std::size_t most_cpus(std::size_t connections, std::size_t workers) const;
};

// All of them, in the order of the tables: the drivers, and the peers of peers/CMakeLists.txt.
const std::vector<ServerKind>& server_kinds();
std::string list_servers();  // their names, for people
// One of them, or reactor-xN: the reactor in N threads, 2 to 64.
std::optional<ServerKind> find_server_kind(std::string_view name);

inline constexpr const char* kFreePort = "tcp://127.0.0.1:0";

// How many short connections a server may see open while so many clients make them: one that was answered
// closes and connects anew before the server has read its FIN.
constexpr std::size_t short_seen_at_once(std::size_t parallel) noexcept {
    return 4 * parallel + 1'000;
}

struct ServerSetup {
    std::string protocol;
    std::size_t max_connections;
    std::size_t workers;
    std::string listen = kFreePort;           // of peers: this or unix:PATH
    std::vector<std::string> options = {};    // NAME=VALUE of the protocol
    std::vector<std::string> arguments = {};  // more of `switchboard serve`, as they are
};
// The command line that serves `setup.protocol`.
std::vector<std::string> command_for(const ServerKind& kind, const std::string& folder,
                                     const ServerSetup& setup);

// Why it cannot be measured: its program is not there, or, of one that may be missing, does not come to
// listen, as that of a peer which this kernel does not support. Empty: nothing is known against it.
std::string why_unavailable(const ServerKind& kind, const std::string& folder, int cpu);

// A server process and, through it, its children. It is a process group of its own, so that Ctrl-C
// reaches the benchmark alone, and is told to end should the benchmark die.
class Server {
public:
    // Starts `command` pinned to `cpus`, and waits for its line "listening on ENDPOINT (...)". Fails
    // when it ends or says nothing within `timeout`; the message has the last line it wrote.
    static Result<Server> start(const std::vector<std::string>& command,
                                const std::vector<int>& cpus,
                                std::chrono::milliseconds timeout = std::chrono::seconds(10));
    Server(Server&& other) noexcept;
    Server& operator=(Server&&) = delete;
    ~Server();  // as stop()

    const Endpoint& endpoint() const noexcept { return endpoint_; }
    pid_t pid() const noexcept { return pid_; }
    // Why it is not running any more ("ended by signal 11: its last words"); empty while it is.
    std::string why_gone();
    // SIGTERM; after two seconds SIGKILL to it and its descendants. None is left when this returns.
    void stop() noexcept;

private:
    Server() = default;
    Result<void> await_listening(const std::string& program, std::chrono::milliseconds timeout);
    Result<std::string> read_line(std::chrono::milliseconds timeout);
    std::string last_words() const;
    bool reap(std::chrono::milliseconds patience) noexcept;  // whether it is gone

    pid_t pid_ = -1;
    int status_ = 0;  // man 2 waitpid, once pid_ has been reaped
    bool reaped_ = false;
    int output_ = -1;      // its stdout
    int complaints_ = -1;  // its stderr, in memory
    Endpoint endpoint_;
};

}  // namespace switchboard::bench
