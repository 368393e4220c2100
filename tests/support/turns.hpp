// Runs the turns of a reactor, and plays the far end of a connection on the same thread.
#pragma once

#include <doctest/doctest.h>
#include <array>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/embed.hpp>
#include <switchboard/reactor.hpp>
#include <thread>

#include "loopback.hpp"

namespace switchboard::test {

// Runs turns until `condition` is true. The test fails after 20 s.
template <class Condition>
void run_until(Reactor& reactor, Condition condition) {
    const auto end = Clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (Clock::now() > end) FAIL("this never came");
        run_ready(reactor);
        std::this_thread::yield();
    }
}

// Runs turns for that time, to check that something does not happen.
inline void run_for(Reactor& reactor, std::chrono::milliseconds time) {
    const auto end = Clock::now() + time;
    run_until(reactor, [&] { return Clock::now() >= end; });
}

// The socket is non-blocking, so that turns of the reactor can run in between.
class FarEnd {
public:
    explicit FarEnd(const Endpoint& at) {
        auto connected = connect(at, std::chrono::seconds(5));
        REQUIRE_MESSAGE(connected.has_value(), connected.error().message());
        socket = std::move(*connected);
        REQUIRE(socket.set_blocking(Blocking::no));
    }
    explicit FarEnd(Socket connected) : socket(std::move(connected)) {
        REQUIRE(socket.set_blocking(Blocking::no));
    }

    // Returns how many bytes the socket took.
    std::size_t send(std::string_view text) const {
        return socket.send(as_bytes(text)).value_or(std::size_t{0});
    }
    // Reads the available bytes, at most `most`.
    void read(std::size_t most = 64 * 1024) {
        std::array<std::byte, 64 * 1024> buffer{};
        const auto got = socket.receive(MutableBytes(buffer).first(std::min(most, buffer.size())));
        if (!got) {
            if (got.error() != std::errc::operation_would_block) error = got.error();
        } else if (*got == 0) {
            eof = true;
        } else {
            received += as_text(Bytes(buffer).first(*got));
        }
    }
    bool over() const { return eof || error; }

    void read_until(Reactor& reactor, std::size_t size) {
        run_until(reactor, [&] {
            read();
            return received.size() >= size || over();
        });
    }
    void read_to_end(Reactor& reactor) { read_until(reactor, SIZE_MAX); }

    Socket socket;
    std::string received;
    bool eof = false;
    std::error_code error;  // set after a reset
};

inline std::size_t echo_back(Connection& c, MutableBytes in) {
    c.write(in);
    return in.size();
}

inline ProtocolFactory echo_factory() {
    return callbacks([] { return Callbacks{.on_data = echo_back}; });
}

inline Listening listen_on(Reactor& reactor, ProtocolFactory factory, ListenOptions options = {},
                           std::string_view at = "127.0.0.1:0") {
    auto listening = reactor.listen(endpoint(at), std::move(factory), std::move(options));
    REQUIRE_MESSAGE(listening.has_value(), listening.error().message());
    return *listening;
}

// The end of a connection.
struct ConnectionEnd {
    bool came = false;
    std::error_code reason;
    auto note() {
        return [this](std::error_code why) {
            CHECK_FALSE(came);
            came = true;
            reason = why;
        };
    }
};

}  // namespace switchboard::test
