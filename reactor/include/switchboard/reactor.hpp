// Reactor: one thread that serves many sockets by callbacks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <optional>
#include <switchboard/connection.hpp>
#include <switchboard/id.hpp>
#include <switchboard/listener.hpp>
#include <switchboard/log.hpp>
#include <switchboard/protocol.hpp>
#include <switchboard/socket.hpp>
#include <switchboard/source_location.hpp>

struct uv_loop_s;

namespace switchboard {

namespace detail {
class ReactorImpl;
ReactorImpl& access(const Reactor& reactor) noexcept;  // for the library's other headers
}  // namespace detail

struct ReactorOptions {
    LogSink log = {};  // empty: no log
    // A callback that runs for this long is logged with the label or type of its handler, because all other
    // connections waited for it. Zero: never. On a host's loop the host's own callbacks may be counted.
    std::chrono::milliseconds stall_report{100};
    std::size_t max_lookups = 64;  // name look-ups at once; see resolver.hpp
    // Memory for connections, datagram sockets, what they queue and what they leave unread. It must
    // outlive the reactor (on a host's loop, also the loop's next run after that) and is used on the
    // reactor's thread only. Never null.
    std::pmr::memory_resource* memory = std::pmr::get_default_resource();
};

struct ConnectOptions {
    ConnectionLimits limits = {};
    // Time between two attempts while no address answers (RFC 8305, section 5); at least 10 ms.
    std::chrono::milliseconds attempt_delay{250};
    // The local address, such as tcp://127.0.0.2:0: see SocketOptions.
    std::optional<Endpoint> from = {};
    // on_connected is called right before on_open. on_ended is called once, right after on_close, with the
    // outcome: if the connect failed, it names each address that was tried with its error. Exceptions that
    // they throw are logged.
    std::function<void(ConnectionId)> on_connected = {};
    std::function<void(const Error&)> on_ended = {};
};

using TimerId = Id<struct TimerTag>;

// When the next call of an every() timer is due. A loop that was held up does not catch up: calls that were
// missed are skipped, and the late call is made once.
enum class Rate : std::uint8_t {
    fixed_rate,   // the start plus a whole number of periods: does not drift
    fixed_delay,  // one period after the last call returned
};

// Multiplexes non-blocking sockets on the thread that calls run(). All members are for that thread only,
// except post(); debug builds assert it. Callbacks run from within run(), never from within a member,
// except from the destructor. The reactor owns its listeners, timers and connections, and a connection
// owns its protocol; the program holds ids. There are no globals and no signal dispositions, so a process
// may have any number of reactors, one per thread.
//
// Further functions of a reactor are in these headers: listener.hpp (pause, resume, share), offload.hpp (work
// on a thread pool), embed.hpp (inside another event loop), signals.hpp, reactor_stats.hpp, live_handle.hpp
// (what keeps run() from returning), resolver.hpp, reactor_datagram.hpp and takeover.hpp.
//
// fork(2): a child may destroy a reactor of its parent, which closes the child's copies of the
// descriptors, runs no callback and does not touch the parent's connections; exec closes the copies, too.
// Nothing else works in the child: listen() and connect() fail with errc::forked, and run() and run_ready()
// throw std::logic_error.
class Reactor {
public:
    using Callback = std::function<void()>;

    // Runs a loop of its own. Throws std::system_error if the system has no descriptor for it.
    explicit Reactor(const ReactorOptions& options = {});
    // Runs on the libuv loop `host`, which must outlive the reactor. The reactor never stops, walks or
    // closes what it did not open. The host runs the loop; after the destructor it must run it once more,
    // so that libuv closes the handles.
    explicit Reactor(uv_loop_s* host, const ReactorOptions& options = {});
    // Ends everything: each protocol gets on_close(errc::stopping), and posts that have not run are dropped.
    // Do not call it within a callback.
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;

    // Accepts connections from now on; each gets a protocol from `factory`. Errors: what listen() in
    // socket.hpp says; errc::bad_option for limits; errc::stopping; errc::forked; std::errc::invalid_argument
    // if `factory` is empty.
    [[nodiscard]] Result<Listening> listen(const Endpoint& endpoint, ProtocolFactory factory,
                                           ListenOptions options = {},
                                           SourceLocation location = SourceLocation::current());
    // The same with a socket that listens already, for example after a takeover. Takes ownership of it.
    // `asked` is the endpoint that it was opened for.
    [[nodiscard]] Result<Listening> listen(Socket socket, const Endpoint& asked,
                                           ProtocolFactory factory, ListenOptions options = {},
                                           SourceLocation location = SourceLocation::current());
    void close(ListenerId listener);  // accepts no more; its connections stay open

    // Starts to connect. A name is looked up in the background and its addresses are tried as RFC 8305
    // describes: the two families take turns, and the first address that answers is used. Then on_open is
    // called. If no address answers, or none within connect_timeout (which includes the look-up), only
    // on_close(error) is called. No callback is called from within connect().
    [[nodiscard]] Result<ConnectionId> connect(const Endpoint& endpoint,
                                               std::unique_ptr<Protocol> protocol,
                                               ConnectOptions options = {},
                                               SourceLocation location = SourceLocation::current());
    // Null between connect() and on_open, and once the connection is gone.
    Connection* find(ConnectionId id) noexcept;

    // Calls `fn` once, or every `period` (at least 1 ms). Never early; the resolution is a millisecond. If
    // `fn` throws, the exception is logged and the timer goes on. A timer that is armed with 0 ms again and
    // again is called once per millisecond, and I/O continues in between.
    TimerId after(std::chrono::milliseconds delay, Callback fn,
                  SourceLocation location = SourceLocation::current());
    TimerId every(std::chrono::milliseconds period, Callback fn, Rate rate = Rate::fixed_rate,
                  SourceLocation location = SourceLocation::current());
    void cancel(TimerId timer);  // also from within its own callback; no effect once it has fired

    // Runs `fn` on the reactor's thread. Posts of one thread run in their order, and none is lost. Threading:
    // any thread, until the destructor starts; this is the only such member. Pending posts keep run() from
    // returning. After stop() they are run by the next run(). The destructor drops those that have not run.
    void post(Callback fn);

    // Runs until stop(), or until nothing is left: no listener, connection, timer, post or other pending
    // work. Only for a reactor with its own loop.
    void run();
    // Makes run() return after this turn. Nothing is closed, and a later run() continues. If run() is not
    // running (for example within run_ready()), the next run() returns at once.
    void stop();

    // Closes the listeners, calls on_shutdown of every protocol, closes datagram sockets and accepted
    // connections that are idle, and waits until the last connection has ended. Connections that are left
    // when `deadline` has passed are aborted with errc::stopping; connects started after that fail with
    // errc::stopping. Then `done` is called once, with the number of aborted connections, and run() returns
    // if nothing else is left. A second call replaces the deadline and the `done` of the first. A deadline of
    // zero aborts all connections at the end of this turn.
    void drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done);
    // Ends a drain now: aborts what is left and calls its `done`. Without a drain, the same as drain({}, {}).
    void abort();

    Clock::time_point now() const noexcept;  // when this turn began, in whole milliseconds

private:
    friend detail::ReactorImpl& detail::access(const Reactor& reactor) noexcept;
    std::unique_ptr<detail::ReactorImpl> impl_;
};

}  // namespace switchboard
