// A load that constantly opens, uses and closes connections, and counts failures.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <switchboard/socket.hpp>
#include <thread>
#include <vector>

namespace switchboard::test {

// Each client is a thread. It connects, makes 1 to 20 exchanges of up to 20,000 bytes with an echo server,
// and closes, either at once or after the server's FIN.
class RestartLoad {
public:
    RestartLoad(Endpoint server, std::size_t clients) : server_(std::move(server)) {
        for (std::size_t i = 0; i < clients; ++i)
            threads_.emplace_back([this, i] { run(static_cast<unsigned>(i)); });
    }
    RestartLoad(const RestartLoad&) = delete;
    RestartLoad& operator=(const RestartLoad&) = delete;
    ~RestartLoad() { end(); }

    void end() {
        over_ = true;
        for (std::thread& each : threads_) each.join();
        threads_.clear();
    }
    std::size_t connections() const { return connections_; }  // those without a failure
    std::size_t exchanges() const { return exchanges_; }
    // The failures, and how often each occurred.
    std::map<std::string, std::size_t> failures() {
        const std::lock_guard lock(mutex_);
        return failures_;
    }

private:
    void run(unsigned seed) {
        std::mt19937 random(seed);
        while (!over_) {
            const std::string failure = serve_one(random);
            if (failure.empty()) {
                ++connections_;
                continue;
            }
            const std::lock_guard lock(mutex_);
            ++failures_[failure];
        }
    }

    // Returns the failure, or an empty text.
    std::string serve_one(std::mt19937& random) {
        constexpr std::chrono::seconds patience(20);
        auto socket = connect(server_, patience);
        if (!socket) return "connect: " + socket.error().code().message();
        if (!socket->set_timeouts(patience, patience)) return "set timeouts";
        for (auto left = 1 + random() % 20; left > 0; --left) {
            if (auto failure = exchange(*socket, random); !failure.empty()) return failure;
            ++exchanges_;
            if (random() % 4 == 0) std::this_thread::yield();
        }
        if (random() % 2 == 0) return {};
        if (!socket->shutdown_write()) return "shutdown";
        std::array<std::byte, 16> in{};
        const auto got = socket->receive(in);
        if (!got) return "receive at the end: " + got.error().code().message();
        return *got == 0 ? "" : "bytes after the last";
    }

    static std::string exchange(const Socket& socket, std::mt19937& random) {
        std::string sent(1 + random() % (random() % 8 == 0 ? 20'000 : 500), '\0');
        for (char& byte : sent) byte = static_cast<char>(random());
        if (const auto all = socket.send_all(as_bytes(sent)); !all)
            return "send: " + all.error().code().message();
        std::string received;
        std::array<std::byte, 4096> in{};
        while (received.size() < sent.size()) {
            const auto got = socket.receive(in);
            if (!got) return "receive: " + got.error().code().message();
            if (*got == 0) return "the server's FIN before the answer";
            received += as_text(Bytes(in).first(*got));
        }
        return received == sent ? "" : "wrong bytes";
    }

    const Endpoint server_;
    std::atomic<bool> over_ = false;
    std::atomic<std::size_t> connections_ = 0, exchanges_ = 0;
    std::mutex mutex_;
    std::map<std::string, std::size_t> failures_;
    std::vector<std::thread> threads_;  // last, because they use the members above
};

}  // namespace switchboard::test
