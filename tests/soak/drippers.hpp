// Peers that send a request as slowly as they can.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <switchboard/reactor.hpp>
#include <thread>

namespace switchboard::bench {

// Each connects, sends the opening, then one byte a second, until the server ends the connection. Runs on its
// own thread from the constructor to the destructor.
class Drippers {
public:
    // A polite one uses the caller's CPU only while the caller is idle.
    struct Options {
        std::size_t count;
        std::string opening;
        char drop;
        bool polite;
    };
    Drippers(Endpoint target, Options options);
    ~Drippers();
    Drippers(const Drippers&) = delete;
    Drippers& operator=(const Drippers&) = delete;

    std::size_t connected() const noexcept { return connected_; }
    std::size_t gone() const noexcept { return gone_; }  // ended by the server, or never connected
    std::size_t failures() const noexcept { return failures_; }  // connects
    // From a connect to the end of the connection, at most.
    std::chrono::milliseconds longest() const noexcept {
        return std::chrono::milliseconds(longest_ms_);
    }

private:
    class Dripper;
    void run();
    void connect_some(Reactor& reactor);

    const Endpoint target_;
    const Options options_;
    std::size_t started_ = 0;
    std::atomic<std::size_t> connected_{0}, gone_{0}, failures_{0};
    std::atomic<std::int64_t> longest_ms_{0};
    std::atomic<bool> stops_{false};
    std::thread thread_;
};

}  // namespace switchboard::bench
