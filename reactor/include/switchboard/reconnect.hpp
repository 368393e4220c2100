// A client that connects again and again: exponential back-off with full jitter, a cap, and an end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <switchboard/reactor.hpp>

namespace switchboard {

struct BackoffOptions {
    // A wait is drawn evenly from zero to a ceiling: `first`, then twice that, ... at most `most`.
    std::chrono::milliseconds first{100};
    std::chrono::milliseconds most{30'000};
    // A connection that lasted so long starts the ceilings anew; a shorter one counts as a failure.
    std::chrono::milliseconds held{10'000};
    // Without a connection for so long, it gives up. Zero: never.
    std::chrono::milliseconds give_up_after{};
    std::uint64_t seed = 0;  // the same draws the same waits; 0 takes std::random_device
};

// When to connect again. No timer and no clock in here: whoever drives it says what time it is.
class Backoff {
public:
    // `now` counts as without a connection from then on.
    Backoff(BackoffOptions options, Clock::time_point now);
    void connected(Clock::time_point now);
    // A connect failed, or a connection ended: the wait until the next connect, or nothing if that
    // would be past the time to give up.
    std::optional<std::chrono::milliseconds> ended(Clock::time_point now);

private:
    std::chrono::milliseconds draw();

    const BackoffOptions options_;
    std::mt19937_64 random_;
    std::chrono::milliseconds ceiling_;
    Clock::time_point without_since_;
    std::optional<Clock::time_point> connected_at_;
};

struct ReconnectOptions {
    BackoffOptions backoff = {};
    ConnectOptions connect = {};  // for each; its hooks are called, too
    // A connect failed or a connection ended, with how; the next connect comes in `wait`.
    std::function<void(const Error&, std::chrono::milliseconds wait)> on_retry = {};
    // It gave up, with how the last one ended; once, and nothing after. Also when `factory` gives no
    // protocol, and with errc::stopping once the reactor drains: at the end of the turn if it waits
    // for the next connect, else when the connection has ended.
    std::function<void(const Error&)> on_give_up = {};
};

// Keeps one connection to `endpoint`, each with a protocol of `factory`, from the next turn of the
// reactor on until stop() or it gives up. Name look-ups are made anew each time. For the reactor's
// thread; the reactor must outlive it: destroy it first, as it says nothing when the reactor ends.
// Callbacks come from within run(); they may stop or destroy the client. Reactor::drain() ends it: a
// connection that is open or being made may go on until the deadline, and no other follows.
class ReconnectingClient {
public:
    ReconnectingClient(Reactor& reactor, Endpoint endpoint, ProtocolFactory factory,
                       ReconnectOptions options = {});
    ReconnectingClient(const ReconnectingClient&) = delete;
    ReconnectingClient& operator=(const ReconnectingClient&) = delete;
    ~ReconnectingClient();  // stop()

    // Connects no more, and neither on_retry nor on_give_up comes. A connection that is open lives on;
    // one that is being made does too, and has its on_open.
    void stop();
    // For Reactor::find; names nothing while there is none.
    ConnectionId connection() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace switchboard
