// An echo server of this process, on a thread of its own, that can be asked what is left in it.
#pragma once

#include <atomic>
#include <memory>
#include <switchboard/reactor.hpp>
#include <thread>

namespace switchboard::bench {

class CountedServer {
public:
    // Its thread is pinned to `cpu`.
    static Result<std::unique_ptr<CountedServer>> start(int cpu);
    ~CountedServer();
    CountedServer(const CountedServer&) = delete;
    CountedServer& operator=(const CountedServer&) = delete;

    const Endpoint& endpoint() const noexcept { return endpoint_; }
    ReactorStats stats();                                // asked of its thread
    std::size_t live() const noexcept { return live_; }  // protocol objects that exist

private:
    CountedServer() = default;

    std::atomic<std::size_t> live_{0};
    Endpoint endpoint_;
    Reactor reactor_;
    std::thread thread_;
};

}  // namespace switchboard::bench
