// Echo servers of this process, one for each driver on sockets, for `switchboard-bench micro`.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <switchboard/endpoint.hpp>
#include <vector>

namespace switchboard::bench {

// Serves as long as it lives; its end cuts the connections it still has, and waits for its threads and
// children.
class EchoServer {
public:
    virtual ~EchoServer() = default;
    EchoServer(const EchoServer&) = delete;
    EchoServer& operator=(const EchoServer&) = delete;
    const Endpoint& endpoint() const noexcept { return endpoint_; }

protected:
    explicit EchoServer(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

private:
    Endpoint endpoint_;
};

// "reactor", "iterative", "threads", "thread-pool", "processes" and "process-pool".
const std::vector<std::string>& socket_drivers();

// Serves on a free port of 127.0.0.1, up to `connections` at once: that is how large the pools are. It runs
// on a thread; what forks runs in a child instead, so the caller must have no other thread then. Server,
// its threads and children are pinned to `cpu`.
Result<std::unique_ptr<EchoServer>> start_echo_server(std::string_view driver,
                                                      std::size_t connections, int cpu);

}  // namespace switchboard::bench
