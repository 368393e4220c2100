// Sockets on the loopback address, for tests of sockets.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard::test {

inline Endpoint endpoint(std::string_view text) {
    const auto parsed = Endpoint::parse(text);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

struct Listener {
    Socket socket;
    Endpoint at;  // with the real port

    explicit Listener(std::string_view text = "127.0.0.1:0", const SocketOptions& options = {}) {
        auto listening = listen(endpoint(text), options);
        REQUIRE_MESSAGE(listening.has_value(), listening.error().message());
        socket = std::move(*listening);
        at = *bound_endpoint(socket, endpoint(text));
    }
};

// A listener whose queue is full and that accepts nothing. TCP drops the next connect; on a unix path it
// waits in the kernel.
struct FullListener {
    Listener listener;
    std::vector<Socket> queued;

    explicit FullListener(std::string_view text) : listener(text, {.backlog = 0}) {
        while (auto next = connect(listener.at, std::chrono::milliseconds(50)))
            queued.push_back(std::move(*next));
    }
};

// The two ends of one connection.
struct Pair {
    Socket client, server;

    explicit Pair(std::string_view text = "127.0.0.1:0", const SocketOptions& options = {}) {
        const Listener listener(text);
        auto connected = connect(listener.at, std::chrono::seconds(5), options);
        REQUIRE_MESSAGE(connected.has_value(), connected.error().message());
        client = std::move(*connected);
        auto accepted = listener.socket.accept(options.blocking);
        REQUIRE_MESSAGE(accepted.has_value(), accepted.error().message());
        server = std::move(*accepted);
    }
};

// Returns all bytes until the peer's FIN.
inline std::string receive_all(const Socket& socket) {
    std::string text;
    std::array<std::byte, 64 * 1024> buffer{};
    for (;;) {
        const auto got = socket.receive(buffer);
        REQUIRE_MESSAGE(got.has_value(), got.error().message());
        if (*got == 0) return text;
        text += as_text(Bytes(buffer).first(*got));
    }
}

inline std::string receive_text(const Socket& socket) {
    std::array<std::byte, 4096> buffer{};
    const auto got = socket.receive(buffer);
    REQUIRE_MESSAGE(got.has_value(), got.error().message());
    return std::string(as_text(Bytes(buffer).first(*got)));
}

inline bool is_blocking(int fd) {
    return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}
inline bool is_close_on_exec(int fd) {
    return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

inline bool machine_has_ipv6() {
    const bool has = listen(Endpoint::tcp("::1", 0)).has_value();
    if (!has) MESSAGE("no IPv6 on this machine: nothing checked");
    return has;
}

// `path` is whole, because /usr/sbin is not in every user's PATH.
inline bool machine_has(const std::string& path) {
    const bool has = ::access(path.c_str(), X_OK) == 0;
    if (!has) MESSAGE("no ", path, " on this machine: nothing checked");
    return has;
}

// A temporary directory, which is removed at the end.
class TempDir {
public:
    TempDir() {
        std::string text = "/tmp/switchboard-test-XXXXXX";
        REQUIRE(::mkdtemp(text.data()) != nullptr);
        path_ = text;
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() { std::filesystem::remove_all(path_); }
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace switchboard::test
