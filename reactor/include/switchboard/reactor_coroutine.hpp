// Coroutines that connect, wait and look up names on a reactor: clients, and sessions that need a server.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <string_view>
#include <switchboard/coroutine.hpp>
#include <switchboard/coroutine/reactor_awaits.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/resolver.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace switchboard {

// Runs tasks that belong to no connection, such as clients, and owns them: the destructor destroys each task
// that has not returned where it waits. So its locals are destroyed, and the connections that it has opened
// with converse() are aborted. The reactor must outlive the Tasks. Threading: the reactor's thread only.
class Tasks {
public:
    using Failed = std::function<void(std::exception_ptr)>;

    explicit Tasks(Reactor& reactor) noexcept;
    ~Tasks();
    Tasks(const Tasks&) = delete;
    Tasks& operator=(const Tasks&) = delete;

    // Runs the task until it waits first, then returns. If the task throws, `failed` gets the exception;
    // without a `failed` it is logged.
    void start(Task<> task, Failed failed = {});
    // The same for a function of type Task<>(). It is kept as long as its task. So a lambda may use its
    // captures.
    template <class Function>
    requires std::is_invocable_r_v<Task<>, Function&> void start(Function function,
                                                                 Failed failed = {}) {
        auto kept = std::make_unique<Function>(std::move(function));
        Task<> task = (*kept)();
        start_kept(std::move(task), std::move(failed), std::shared_ptr<void>(std::move(kept)));
    }
    std::size_t running() const noexcept { return roots_.size(); }
    // Destroys all tasks. Do not call it, or the destructor, from within one of them.
    void cancel() noexcept;

private:
    struct Root;
    void start_kept(Task<> task, Failed failed, std::shared_ptr<void> kept);

    Reactor& reactor_;
    std::list<std::unique_ptr<Root>> roots_;
};

// The functions below are for `co_await` in any task or session, on the thread of that reactor. If the task
// is destroyed while it waits, its timer, look-up or connection ends.

// Waits for that time, and until the next turn at least.
inline detail::SleepFor sleep_for(Reactor& reactor, std::chrono::milliseconds time) {
    return {reactor, time};
}

// Gives a Result<std::vector<SocketAddress>>: see resolver.hpp. `name` and `service` must be valid until the
// await ends.
inline detail::Lookup resolve(Reactor& reactor, std::string_view name, std::string_view service,
                              ResolveOptions options = {}) {
    return {reactor, name, service, options};
}

struct ConverseOptions {
    ConnectOptions connect = {};
    // Puts a layer, such as TLS, between the socket and the session. Must not return null.
    std::function<std::unique_ptr<Protocol>(std::unique_ptr<Protocol>)> layer = {};
};

// Connects (a name is looked up), runs `session`, which is Task<T>(Stream&), on the connection, and gives
// what it returns, as a Result<T>. The connection is then closed, and its output is sent first. A session
// that has called switch_to() must return, and not wait; its connection stays open for the next protocol.
// Errors: that of the connect, which names each address that was tried; the reason for which the connection
// ended before the session returned, or errc::incomplete_message if it ended in good order. What the session
// throws comes out of the await, and the connection is aborted. If the await is destroyed, the session is
// destroyed at once, where it waits, and the connection is aborted. So it may use what the awaiting coroutine
// has.
template <class Function>
auto converse(Reactor& reactor, const Endpoint& endpoint, Function session,
              ConverseOptions options = {}) {
    return detail::Conversation<Function>(reactor, endpoint, std::move(session),
                                          std::move(options.connect), std::move(options.layer));
}

// Runs `task` for at most that time. Gives what it returns: a Result<T> for a Task<T>, and the same Result if
// T is one. Errors: std::errc::timed_out; the task is then destroyed where it waits.
template <class T>
Task<detail::AsResult<T>> within(Reactor& reactor, std::chrono::milliseconds time, Task<T> task) {
    detail::Kept<T> kept;
    const auto first =
        co_await first_of(detail::keep(std::move(task), kept), detail::pause(reactor, time));
    if (first == 0) co_return detail::result_of<T>(kept);
    co_return fail(std::make_error_code(std::errc::timed_out), "");
}

}  // namespace switchboard
