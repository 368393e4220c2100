// ReactorGroup: several reactors, each on its own thread, that serve as one. For machines with several cores.
#pragma once

#include <functional>
#include <memory>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <thread>
#include <vector>

namespace switchboard {

namespace detail {
class AcceptLimits;
class Listener;
}  // namespace detail

struct GroupOptions {
    // Options of each reactor. All threads use the log sink and the memory resource, so both must be
    // thread-safe; the default ones are.
    ReactorOptions reactor = {};
    // Pins reactor i to the i-th of the processors that the process may use (man 2 sched_setaffinity),
    // modulo their number. No effect on systems that cannot pin threads.
    bool pin = false;
};

// Reactor 0 runs on the thread that calls run(), the others on threads of their own. One reactor serves a
// connection from its first byte to its last, so a handler runs on one thread. The factory, however, is
// called by all reactors, and what its protocols share must be thread-safe.
//
// Where the kernel spreads connections over several listening sockets (Linux: TCP with SO_REUSEPORT, man 7
// socket), each reactor accepts for itself. Elsewhere, and for Unix sockets and "fd:N", reactor 0 accepts
// and hands connections to all in turn. In both cases ServerLimits apply to all reactors together. Reactors
// that accept at the same moment may exceed accepts_per_second by one connection each; the average holds.
class ReactorGroup {
public:
    // `reactors` is at least 1. Throws std::system_error if there is no descriptor for a reactor.
    explicit ReactorGroup(std::size_t reactors, const GroupOptions& options = {});
    ReactorGroup(const ReactorGroup&) = delete;
    ReactorGroup& operator=(const ReactorGroup&) = delete;
    ~ReactorGroup();  // as ~Reactor for each; do not call it while run() runs

    std::size_t size() const noexcept { return reactors_.size(); }
    // Use it before run(), for setting up. During run(), only the reactor's own thread may use it, except
    // for post(). Do not drain or stop a single reactor; the group does that for all.
    Reactor& operator[](std::size_t index) noexcept { return *reactors_[index]; }

    // Makes the factory for the connections of one of the reactors.
    using MakeFactory = std::function<Result<ProtocolFactory>(Reactor&)>;
    struct Listening {
        Endpoint local;  // with the real port
        struct Binding {
            std::size_t reactor;
            ListenerId id;
        };
        std::vector<Binding> ids;  // one per reactor, or one of reactor 0 if it accepts for all
    };
    // Before run(). Errors are those of Reactor::listen().
    [[nodiscard]] Result<Listening> listen(const Endpoint& endpoint, const ProtocolFactory& factory,
                                           const ListenOptions& options = {},
                                           SourceLocation location = SourceLocation::current());
    [[nodiscard]] Result<Listening> listen(const Endpoint& endpoint,
                                           const MakeFactory& make_factory,
                                           const ListenOptions& options = {},
                                           SourceLocation location = SourceLocation::current());
    // The same with sockets that listen already, for example after a takeover. `asked` is the endpoint that
    // they were opened for. Each reactor gets one or more; if there are fewer sockets than reactors,
    // reactor 0 accepts for all. After an error some of them may be in use; destroy the group then.
    [[nodiscard]] Result<Listening> listen(std::vector<Socket> sockets, const Endpoint& asked,
                                           const MakeFactory& make_factory,
                                           const ListenOptions& options = {},
                                           SourceLocation location = SourceLocation::current());
    // Returns duplicates of its sockets, as share() in listener.hpp. Before run().
    [[nodiscard]] Result<std::vector<Socket>> share(const Listening& listening);

    // Runs until stop(), or until a drain is done and no reactor has anything left. With one reactor, the
    // same as Reactor::run(). Throws std::system_error if a thread cannot be started.
    void run();

    // ---- Any thread may call these. They take effect within run(), and callbacks are called on reactor 0's
    // thread. See Reactor for what each does.
    void stop_accepting();
    void drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done);
    void abort();
    void stop();
    // Calls `visit` for each reactor on its own thread, one after the other in their order, then `done`. If
    // `visit` throws, the exception is logged, and neither further calls nor `done` follow.
    void for_each(std::function<void(Reactor&)> visit, std::function<void()> done);
    void collect_stats(std::function<void(std::vector<ReactorStats>)> done);

private:
    class HandoffQueue;
    struct Drain;
    struct Visits;
    Result<void> admits(const Endpoint& asked, const ListenOptions& options) const;
    Result<Listening> listen_on(std::vector<Socket> sockets, const Endpoint& asked,
                                const MakeFactory& make_factory, const ListenOptions& options,
                                SourceLocation location);
    void hand_off(detail::Listener& listener, const std::vector<ProtocolFactory>& factories,
                  const ListenOptions& options,
                  const std::shared_ptr<detail::AcceptLimits>& control, SourceLocation location);
    // Runs `act` on reactor 0's thread, and then on the other threads, after the connections that reactor 0
    // has handed to them.
    void in_order(std::function<void(Reactor&)> act);
    void visit_next(const std::shared_ptr<Visits>& visits);
    std::thread start(std::size_t index);
    void release_threads(std::size_t threads);
    void drained(const std::shared_ptr<Drain>& drain);
    void hold_first(bool held);  // keeps reactor 0 running while others may post to it

    std::vector<std::unique_ptr<Reactor>> reactors_;
    std::vector<std::shared_ptr<HandoffQueue>> handoffs_;
    std::shared_ptr<Drain> drain_;  // the drain in progress; for reactor 0's thread only
    const bool pin_;
    bool stopped_ = false;  // for reactor 0's thread only, like the next
    bool serving_ = false;  // run() does not return although nothing is left to do
};

// Opens listening sockets for `count` reactors that serve as one, in one process or in several: one for each
// where the system spreads connections over them, otherwise one for all. Errors: as listen() in socket.hpp.
[[nodiscard]] Result<std::vector<Socket>> open_listeners(const Endpoint& endpoint,
                                                         std::size_t count,
                                                         const ListenOptions& options = {});

}  // namespace switchboard
