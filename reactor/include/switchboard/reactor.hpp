// The reactor: one thread, many sockets, callbacks.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <switchboard/cancel_token.hpp>
#include <switchboard/live_handle.hpp>
#include <switchboard/protocol.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/reactor_types.hpp>
#include <switchboard/socket.hpp>
#include <vector>

struct uv_loop_s;

namespace switchboard {

// Multiplexes non-blocking sockets on the thread that calls run(). Every member is for that thread
// alone, but post(); debug builds assert it. Callbacks run from within run(), never from within a
// member, except the destructor. The reactor owns its listeners, timers and connections, and a
// connection owns its protocol; everyone else holds ids. No globals, no signal dispositions: any
// number may live in one process, one per thread.
//
// fork(2): in the child a reactor of the parent's may be destroyed, which closes the child's copies of
// its descriptors, runs no callback and leaves the parent's connections as they are; exec closes them
// as well. All else is for the parent: listen() and connect() fail with errc::forked there, and
// run() and run_ready() throw std::logic_error, before they touch what the parent waits for.
class Reactor {
public:
    using Callback = std::function<void()>;

    // With a loop of its own. Throws std::system_error if the system has no descriptor for it.
    explicit Reactor(const ReactorOptions& options = {});
    // Rides `host`, which must outlive the reactor: never stops, walks or closes what it did not
    // open. The host runs the loop; after the destructor it must run it once more, so that libuv
    // lets go of the handles.
    explicit Reactor(uv_loop_s* host, const ReactorOptions& options = {});
    // Ends all that is left: each protocol has its on_close(errc::stopping), posts not run yet are
    // dropped. Not from within a callback.
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;

    // Accepts from now on; every connection gets a protocol of the factory. Errors come at once.
    Result<Listening> listen(const Endpoint& endpoint, ProtocolFactory factory,
                             ListenOptions options = {}, Site made = Site::current());
    // On a socket that listens already, as of a takeover; `asked` is what it was opened for.
    Result<Listening> listen(Socket socket, const Endpoint& asked, ProtocolFactory factory,
                             ListenOptions options = {}, Site made = Site::current());
    void close(ListenerId listener);  // accepts no more; its connections live on
    void stop_accepting();            // all of them
    // The listening socket once more (man 2 dup), for another process: see takeover.hpp. It stays one
    // that accepts, and so keeps the port, for as long as it is open.
    Result<Socket> share(ListenerId listener);
    // In between, who connects waits in the backlog and, once that is full, for as long as the peer's
    // system tries again (man 2 listen). Neither adds up: one resume ends any number of pauses.
    void pause_accepting(ListenerId listener);
    void resume_accepting(ListenerId listener);

    // Starts to connect, by name in the background, to its addresses as RFC 8305 says: the families
    // take turns, staggered, and the first that answers is taken. Then comes on_open; if none does, or
    // not within connect_timeout (the look-up included), on_close(error) comes alone. Never from
    // within this call.
    Result<ConnectionId> connect(const Endpoint& endpoint, std::unique_ptr<Protocol> protocol,
                                 ConnectOptions options = {}, Site made = Site::current());
    // Null once it is gone, and between connect() and on_open.
    Connection* find(ConnectionId id) noexcept;

    // Runs `fn` once, or every `period` (at least 1 ms). Never early; a millisecond of resolution. What
    // it throws is logged and the timer lives on. One that is armed again and again with 0 ms comes
    // once a tick, and I/O goes on in between.
    TimerId after(std::chrono::milliseconds delay, Callback fn, Site made = Site::current());
    TimerId every(std::chrono::milliseconds period, Callback fn, Rate rate = Rate::fixed_rate,
                  Site made = Site::current());
    void cancel(TimerId timer);  // also from within itself; a fired one-shot is gone already

    // Runs `fn` on the reactor's thread, in order of the posts of one thread; none is lost. The one
    // call for any thread, safe until the destructor starts. Posts keep run() alive until they have
    // run. After stop() they wait for the next run(); the destructor drops those that never ran.
    void post(Callback fn);

    // Runs `work` on a thread of libuv's pool (4, or the environment's UV_THREADPOOL_SIZE), then, on
    // the reactor's, `done`, once: {} , errc::handler_failed if `work` threw, or
    // std::errc::operation_canceled if it was cancelled before it began. Cancelled later, `work`
    // sees it by its token and decides itself. What `work` owns goes on the pool's thread once it has
    // run, what `done` owns on the reactor's. Keeps run() alive. The destructor cancels all, waits
    // for work that has begun (a ridden loop's host does) and calls no `done` any more.
    OffloadId offload(std::function<void(const CancelToken&)> work,
                      std::function<void(std::error_code)> done, Site made = Site::current());
    void cancel(OffloadId offload);

    // Once `signal` arrives, `fn` runs on the reactor's thread, until the reactor is destroyed. The
    // one call that changes a process-wide disposition, and only because the host asks. Result: the
    // signal cannot be caught.
    Result<void> on_signal(int signal, Callback fn);

    // Until stop(), or until nothing is left: no listener, connection, timer or post. Signals do not
    // count. A reactor of its own only; a ridden loop is run by its host.
    void run();
    // Inside another loop (poll, epoll, GLib, Asio), on its thread: whenever fd() is readable or
    // next_timeout() has passed, run_ready(). What is asked for between turns (a timer, a connect, a
    // write) makes fd() readable, so that a host that has its time-out already is not late.
    int fd() noexcept;  // for poll(2) and the like; never read, written or closed by the host
    std::optional<std::chrono::milliseconds> next_timeout() noexcept;  // none: as long as it takes
    bool run_ready();  // one turn without waiting; true if something is left
    // run() returns after this turn; nothing is closed, and a later run() goes on. While run() is not
    // running (between turns of run_ready() or in one), it is for the next run(), which then returns at
    // once. Each run() that returns forgets it.
    void stop();

    // stop_accepting(), tells every protocol (Protocol::on_stop), closes those that are idle, and waits
    // until the last connection is gone. Those left at `deadline` from now are aborted with
    // errc::stopping, and what connects anew after that fails with it. Then `done(how many were
    // aborted)`, once, and run() returns if nothing else is left: see why_alive(). A second call replaces
    // the first, its deadline and its `done`; zero aborts at the end of this turn.
    void drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done);
    // Cuts a drain short, whose `done` follows; without one, the same as drain({}, {}).
    void abort();

    Clock::time_point now() const noexcept;  // of this turn, in milliseconds
    ReactorStats stats() const;  // a snapshot; some of it costs a walk of all connections
    // What keeps run() from returning, oldest first: each with what made it. (A ReactorGroup does, too.)
    std::vector<LiveHandle> why_alive() const;

    class Impl;
    Impl& impl() noexcept { return *impl_; }  // for what other headers add: resolver.hpp, ...

private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace switchboard
