// ReconnectingClient: connects again after a failure, with exponential back-off, full jitter and limits.
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
    // Each wait is a random time, evenly distributed from zero to a ceiling. The ceiling starts at `initial`
    // and doubles up to `max`.
    std::chrono::milliseconds initial{100};
    std::chrono::milliseconds max{30'000};
    // A connection that lasted at least this long resets the ceiling to `initial`; a shorter one counts as a
    // failure.
    std::chrono::milliseconds reset_after{10'000};
    // The client gives up after this time without a connection. Zero: never.
    std::chrono::milliseconds max_elapsed{};
    std::uint64_t seed = 0;  // equal seeds give equal waits; 0: seeded by std::random_device
};

// Computes when to connect again. It has no timer and no clock: the caller passes in the time.
class Backoff {
public:
    // The time without a connection starts at `now`.
    Backoff(BackoffOptions options, Clock::time_point now);
    void connected(Clock::time_point now);
    // A connect has failed or a connection has ended. Returns the wait until the next connect, or nothing if
    // the client gives up because the wait would exceed max_elapsed.
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
    ConnectOptions connect = {};  // for each connect; its hooks are called, too
    // A connect has failed or a connection has ended, with this error. The next connect starts after `wait`.
    std::function<void(const Error&, std::chrono::milliseconds wait)> on_retry = {};
    // The client has given up; the error is that of the last connect or connection. Called once; no callback
    // follows. Also called if `factory` throws or returns no protocol (errc::handler_failed), and if the
    // reactor drains (errc::stopping): at the end of the turn if the client waits for its next connect,
    // otherwise when the connection has ended.
    std::function<void(const Error&)> on_give_up = {};
};

// Keeps one connection to `endpoint` open, from the next turn of the reactor until stop() or until it gives
// up. Each new connection gets a protocol from `factory` and looks the name up again. Threading: the
// reactor's thread only. Lifetime: the reactor must outlive the client; no callback says that the reactor
// ends, so destroy the client first. Callbacks come from within run() and may stop or destroy the client.
// Reactor::drain() ends it: a connection that is open or connecting may go on until the deadline, and no
// other follows.
class ReconnectingClient {
public:
    ReconnectingClient(Reactor& reactor, Endpoint endpoint, ProtocolFactory factory,
                       ReconnectOptions options = {});
    ReconnectingClient(const ReconnectingClient&) = delete;
    ReconnectingClient& operator=(const ReconnectingClient&) = delete;
    ~ReconnectingClient();  // stop()

    // Ends the reconnecting; neither on_retry nor on_give_up is called any more. An open connection stays
    // open. A connect in progress goes on, too, and its protocol gets on_open.
    void stop();
    // Returns the id of the open connection, for Reactor::find(); a default id if no connection is open.
    ConnectionId connection() const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace switchboard
