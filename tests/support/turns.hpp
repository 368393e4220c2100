// A reactor turned by the test, and the far end of a connection played on the same thread.
#pragma once

#include <doctest/doctest.h>
#include <array>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/reactor.hpp>
#include <thread>

#include "loopback.hpp"

namespace switchboard::test {

// Turns the reactor until `condition` holds; a test that waits for 20 s fails.
template <class Condition>
void run_until(Reactor& reactor, Condition condition) {
    const auto end = Clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (Clock::now() > end) FAIL("this never came");
        reactor.run_ready();
        std::this_thread::yield();
    }
}

// Turns it for so long, for what must not happen.
inline void run_for(Reactor& reactor, std::chrono::milliseconds time) {
    const auto end = Clock::now() + time;
    run_until(reactor, [&] { return Clock::now() >= end; });
}

// Its socket does not block, so that the reactor can be turned in between.
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

    // What the socket takes of it.
    std::size_t send(std::string_view text) const {
        return socket.send(as_bytes(text)).value_or(std::size_t{0});
    }
    // Reads what there is, at most so much.
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
    std::error_code error;  // a reset
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

// How a connection ended.
struct Ending {
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
