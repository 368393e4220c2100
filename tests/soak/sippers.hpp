// Peers that ask for much and read as slowly as they can.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <switchboard/endpoint.hpp>
#include <switchboard/socket.hpp>
#include <thread>
#include <vector>

namespace switchboard::bench {

// Each connects, sends the request, then reads eight bytes a second, until the server resets the connection.
// They read at different moments of the second. The target is a port of 127.0.0.1. Runs on its own thread
// from the constructor to the destructor.
class Sippers {
public:
    // Once all are connected, polite ones use the caller's CPU only while the caller is idle.
    struct Options {
        std::size_t count;
        std::string request;
        bool polite;
    };
    Sippers(Endpoint target, Options options);
    ~Sippers();
    Sippers(const Sippers&) = delete;
    Sippers& operator=(const Sippers&) = delete;

    std::size_t connected() const noexcept { return connected_; }
    std::size_t gone() const noexcept { return gone_; }  // ended by the server, or never connected
    std::size_t failures() const noexcept { return failures_; }  // connects
    // From a request to the end of the connection, at most.
    std::chrono::milliseconds longest() const noexcept { return longest_; }

private:
    using Time = std::chrono::steady_clock::time_point;
    struct Sipper {
        Socket socket;
        Time asked;
    };
    void run();
    void connect_one();
    void sip(std::size_t part);
    void find_gone();

    const Endpoint target_;
    const Options options_;
    std::vector<Sipper> sippers_;
    std::atomic<std::size_t> connected_{0}, gone_{0}, failures_{0};
    std::atomic<std::chrono::milliseconds> longest_{std::chrono::milliseconds(0)};
    std::atomic<bool> stops_{false};
    std::thread thread_;
};

}  // namespace switchboard::bench
