// The reactor: one thread, many sockets, callbacks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <switchboard/limits.hpp>
#include <switchboard/log.hpp>
#include <switchboard/protocol.hpp>

struct uv_loop_s;

namespace switchboard {

struct ReactorOptions {
    LogSink log = {};              // silent when empty
    std::size_t max_lookups = 64;  // of names, at once; see resolver.hpp
};

struct ListenOptions {
    Limits limits = {};
    // Accept failed, mostly for want of descriptors or memory: called once per pause, with the cause.
    std::function<void(std::error_code)> on_accept_error = {};
};

struct ConnectOptions {
    Limits limits = {};
    // From one attempt to the next while none answers (RFC 8305, section 5); at least 10 ms.
    std::chrono::milliseconds attempt_delay{250};
    // Right before on_open; and once, right after on_close, with how it ended: a connect that failed
    // names each address tried with its own error. What they throw is logged.
    std::function<void(ConnectionId)> on_connected = {};
    std::function<void(const Error&)> on_ended = {};
};

// Names of what a reactor holds; never used again once it is gone. A default one names nothing.
struct ListenerId {
    std::uint64_t value = 0;
    friend bool operator==(const ListenerId&, const ListenerId&) = default;
};
struct TimerId {
    std::uint64_t value = 0;
    friend bool operator==(const TimerId&, const TimerId&) = default;
};

struct Listening {
    ListenerId id;
    Endpoint local;  // with the real port
};

// Counts since the reactor was made, but for those that say "now".
struct ReactorStats {
    std::uint64_t accepted = 0, connected = 0, closed = 0;
    std::uint64_t refused = 0;         // past max_connections, or the factory gave no protocol
    std::uint64_t accept_errors = 0;   // pauses because accept failed
    std::uint64_t connect_errors = 0;  // connects that ended without on_open
    std::uint64_t handler_failures = 0;
    std::uint64_t bytes_in = 0, bytes_out = 0;
    std::size_t open = 0;  // connections now, those still connecting or flushing included
    std::size_t listeners = 0, timers = 0;  // now
    std::size_t queued_bytes = 0;           // now, over all connections
};

// Multiplexes non-blocking sockets on the thread that calls run(). Every member is for that thread
// alone, but post(); debug builds assert it. Callbacks run from within run(), never from within a
// member, except the destructor. The reactor owns its listeners, timers and connections, and a
// connection owns its protocol; everyone else holds ids. No globals, no signal dispositions: any
// number may live in one process, one per thread.
class Reactor {
public:
    using Callback = std::function<void()>;

    // With a loop of its own. Throws std::system_error if the system has no descriptor for it.
    explicit Reactor(ReactorOptions options = {});
    // Rides `host`, which must outlive the reactor: never stops, walks or closes what it did not
    // open. The host runs the loop; after the destructor it must run it once more, so that libuv
    // lets go of the handles.
    explicit Reactor(uv_loop_s* host, ReactorOptions options = {});
    // Ends all that is left: each protocol has its on_close(errc::stopping), posts not run yet are
    // dropped. Not from within a callback.
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;

    // Accepts from now on; every connection gets a protocol of the factory. Errors come at once.
    Result<Listening> listen(const Endpoint& endpoint, ProtocolFactory factory,
                             ListenOptions options = {});
    void close(ListenerId listener);  // accepts no more; its connections live on

    // Starts to connect, by name in the background, to its addresses as RFC 8305 says: the families
    // take turns, staggered, and the first that answers is taken. Then comes on_open; if none does, or
    // not within connect_timeout (the look-up included), on_close(error) comes alone. Never from
    // within this call.
    Result<ConnectionId> connect(const Endpoint& endpoint, std::unique_ptr<Protocol> protocol,
                                 ConnectOptions options = {});
    // Null once it is gone, and between connect() and on_open.
    Connection* find(ConnectionId id) noexcept;

    // Runs `fn` once, or every `period` (fixed rate, missed ticks are skipped, at least 1 ms). Never
    // early; a millisecond of resolution. What it throws is logged and the timer lives on.
    TimerId after(std::chrono::milliseconds delay, Callback fn);
    TimerId every(std::chrono::milliseconds period, Callback fn);
    void cancel(TimerId timer);  // also from within itself; a fired one-shot is gone already

    // Runs `fn` on the reactor's thread, in order of the posts of one thread. The one call for any
    // thread, safe until the destructor starts. Posts keep run() alive until they have run.
    void post(Callback fn);

    // Once `signal` arrives, `fn` runs on the reactor's thread, until the reactor is destroyed. The
    // one call that changes a process-wide disposition, and only because the host asks. Result: the
    // signal cannot be caught.
    Result<void> on_signal(int signal, Callback fn);

    // Until stop(), or until nothing is left: no listener, connection, timer or post. Signals do not
    // count. A reactor of its own only; a ridden loop is run by its host.
    void run();
    // One turn without waiting, true if something is left.
    bool run_once();
    void stop();  // run() returns after this turn; nothing is closed, and a later run() goes on

    // Closes the listeners and waits until the last connection is gone; those left at `deadline` from
    // now are aborted with errc::stopping, and what connects anew meanwhile fails with it. Then
    // `done(how many were aborted)`, once. A second call replaces the first, its deadline and its `done`; zero
    // aborts at the end of this turn.
    void drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done);

    Clock::time_point now() const noexcept;  // of this turn, in milliseconds
    ReactorStats stats() const;              // a snapshot; queued_bytes costs a walk

    class Impl;
    Impl& impl() noexcept { return *impl_; }  // for what other headers add: resolver.hpp, ...

private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace switchboard
