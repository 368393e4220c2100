#include "reactor_impl.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cassert>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "connection/connecting.hpp"
#include "net/connect_errors.hpp"
#include "net/happy_eyeballs.hpp"
#include "platform/platform.hpp"
#include "platform/probes.hpp"

namespace switchboard::detail {

// Exists while run() or run_ready() runs.
class ReactorImpl::Running {
public:
    explicit Running(ReactorImpl& impl) : impl_(impl) {
        if (impl_.is_forked()) throw std::logic_error(forked(impl_.process_));
        impl_.thread_ = std::this_thread::get_id();
        impl_.loop.turn_begins();
    }
    ~Running() {
        impl_.loop.turn_ended();
        impl_.thread_ = {};
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

private:
    static std::string forked(pid_t maker) {
        return "run: this reactor belongs to process " + std::to_string(maker) +
               "; a child forked from it may only destroy it, exec or exit";
    }

    ReactorImpl& impl_;
};

ReactorImpl::ReactorImpl(uv_loop_t* host, const ReactorOptions& options)
    : loop(host, options),
      timers(loop),
      posts(loop),
      offloads(loop),
      datagrams(loop),
      resolver(loop, timers, options.max_lookups),
      signals(loop),
      process_(::getpid()) {
    loop.timer_due = [this](WheelNode& node) {
        if (node.kind() == WheelNode::Kind::datagram) {
            static_cast<DatagramHandle&>(node).expire_now();
        } else {
            timers.due(node);
        }
    };
}

bool ReactorImpl::is_forked() const noexcept {
    return ::getpid() != process_;
}

bool ReactorImpl::on_its_thread(const char* call) const {
    if (thread_ == std::thread::id() || thread_ == std::this_thread::get_id()) return true;
    std::fprintf(stderr, "switchboard: %s called from a thread that is not the reactor's\n", call);
    return false;
}

std::error_code ReactorImpl::refusal() const noexcept {
    if (is_forked()) return errc::forked;
    return closing_ ? errc::stopping : std::error_code();
}

Result<void> ReactorImpl::admits(const std::string& tried) const {
    if (const auto why = refusal()) return fail(why, tried);
    if (aborting_) return fail(errc::stopping, tried);
    return {};
}

Result<void> ReactorImpl::admits(const Endpoint& asked, const ListenOptions& options) const {
    if (auto fit = admits("listen " + asked.to_string()); !fit) return fit;
    if (auto fit = options.server.check(); !fit) return fit;
    return options.connection.check();
}

Result<Listening> ReactorImpl::listen(const Endpoint& endpoint, ProtocolFactory factory,
                                      ListenOptions options, const SourceLocation& location) {
    if (auto fit = admits(endpoint, options); !fit) return tl::unexpected(fit.error());
    auto socket = switchboard::listen(endpoint, socket_options(options));
    if (!socket) return tl::unexpected(socket.error());
    return listen_on(std::move(*socket), endpoint, std::move(factory), std::move(options),
                     location);
}

Result<Listening> ReactorImpl::listen(Socket socket, const Endpoint& asked, ProtocolFactory factory,
                                      ListenOptions options, const SourceLocation& location) {
    if (auto fit = admits(asked, options); !fit) return tl::unexpected(fit.error());
    auto taken = take_listener(std::move(socket), options);
    if (!taken) return tl::unexpected(taken.error());
    return listen_on(std::move(*taken), asked, std::move(factory), std::move(options), location);
}

Result<Listening> ReactorImpl::listen_on(Socket socket, const Endpoint& asked,
                                         ProtocolFactory factory, ListenOptions options,
                                         const SourceLocation& location) {
    const auto local = bound_endpoint(socket, asked);
    if (!local) return tl::unexpected(local.error());
    auto control = std::make_shared<AcceptLimits>(options.server, options.count);
    return start_listener(std::move(socket), *local, std::move(factory), std::move(options),
                          std::move(control), location);
}

Result<Listening> ReactorImpl::start_listener(Socket socket, const Endpoint& local,
                                              ProtocolFactory factory, ListenOptions options,
                                              std::shared_ptr<AcceptLimits> control,
                                              const SourceLocation& location) {
    if (!factory)
        return fail(std::make_error_code(std::errc::invalid_argument),
                    "listen " + local.to_string() + ": the protocol factory is empty");
    auto admission = std::make_unique<ConnectionAcceptor>(loop, local, std::move(factory), options,
                                                          std::move(control), location);
    auto listener = std::make_unique<Listener>(
        loop, std::move(socket), local, std::move(admission), std::move(options),
        [this](auto delay, auto fn) { return timers.start(delay, {}, std::move(fn)); }, location);
    if (const auto error = listener->start()) return fail(error, "listen " + local.to_string());
    const std::uint64_t id = ++last_listener_;
    listeners_.emplace(id, std::move(listener));
    return Listening{{id}, local};
}

void ReactorImpl::close(ListenerId id) {
    const auto found = listeners_.find(id.value);
    if (found == listeners_.end() || found->second->is_closed()) return;
    timers.cancel(found->second->pause());
    // Taken out of the map first, because destructors of what its options own may listen again.
    found->second->close([this, id] { const auto gone = listeners_.extract(id.value); });
}

Listener* ReactorImpl::find(ListenerId id) noexcept {
    const auto found = listeners_.find(id.value);
    const bool open = found != listeners_.end() && !found->second->is_closed();
    return open ? found->second.get() : nullptr;
}

Result<Socket> ReactorImpl::share(ListenerId id) {
    Listener* const listener = find(id);
    if (listener == nullptr)
        return fail(std::make_error_code(std::errc::bad_file_descriptor), "share a listener");
    Socket copy(::fcntl(listener->fd(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno("share " + listener->local().to_string());
    return copy;
}

void ReactorImpl::hold(ListenerId id, bool held) {
    if (Listener* const listener = find(id)) listener->hold(held);
}

void ReactorImpl::close_listeners() {
    for (const auto& [id, listener] : listeners_) close(ListenerId{id});
}

Result<ConnectionId> ReactorImpl::connect(const Endpoint& endpoint,
                                          std::unique_ptr<Protocol> protocol,
                                          ConnectOptions options, const SourceLocation& location) {
    const std::string tried = "connect " + endpoint.to_string();
    if (auto fit = admits(tried); !fit) return tl::unexpected(fit.error());
    if (auto fit = options.limits.check(); !fit) return tl::unexpected(fit.error());
    if (endpoint.kind() == Endpoint::Kind::udp) return not_a_stream("connect", endpoint);
    if (auto fit = check_from(endpoint, options.from); !fit) return tl::unexpected(fit.error());
    if (options.attempt_delay < kLeastAttemptDelay)
        return fail(errc::bad_option, "attempt_delay: at least 10 ms is needed");
    const auto addresses = endpoint.addresses();
    if (!addresses) return tl::unexpected(addresses.error());
    ConnectionGroup& group = loop.make_group(endpoint, std::move(options), location);
    SocketConnection& made = make_connection(group, std::move(protocol));
    made.connect(endpoint);
    if (addresses->empty()) {
        look_up(endpoint, made);
    } else {
        made.connecting().add(*addresses, false);
    }
    return made.id();
}

// The group is destroyed with its last connection, or here if there was no memory for the connection.
SocketConnection& ReactorImpl::make_connection(ConnectionGroup& group,
                                               std::unique_ptr<Protocol> protocol) try {
    SocketConnection& made = loop.make_connection(group, std::move(protocol));
    loop.release(group);
    return made;
} catch (const std::bad_alloc&) {
    loop.release(group);
    throw;
}

void ReactorImpl::look_up(const Endpoint& endpoint, SocketConnection& connection) {
    const auto first = [&connection](Result<std::vector<SocketAddress>> found) {
        connection.connecting().add(*found, true);
    };
    const auto done = [&connection](Result<std::vector<SocketAddress>> found) {
        if (found) return connection.connecting().add(*found, false);
        connection.connecting().failed(found.error());
    };
    const LookupId id = resolver.start(endpoint.host(), std::to_string(endpoint.port()), done,
                                       {.timeout = {}}, {}, connection.group().location, first);
    // Cancelled when the connection ends, so `connection` exists when `first` or `done` is called.
    connection.connecting().looks_up([this, id] { resolver.cancel(id); });
}

// stop() may be called in uv_run() or in turn(). The run() that it ends resets it.
void ReactorImpl::run() {
    const Running running(*this);
    for (bool left = !closing_; left && !stopped_;) {
        uv_run(loop.uv(), UV_RUN_DEFAULT);
        left = !stopped_ && turn();
    }
    stopped_ = false;
}

bool ReactorImpl::run_ready() {
    const Running running(*this);
    return !closing_ && turn();
}

// Held, because libuv does not count posts and would not run them if nothing else was left.
bool ReactorImpl::turn() {
    loop.hold();
    uv_run(loop.uv(), UV_RUN_NOWAIT);
    loop.unhold();
    return uv_loop_alive(loop.uv()) != 0 || posts.waiting();
}

void ReactorImpl::stop() {
    stopped_ = true;
    if (is_running()) uv_stop(loop.uv());
}

void ReactorImpl::drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done) {
    if (closing_) return;
    // Destroyed last, because its destructor may drain again.
    const auto replaced = std::exchange(drained_, std::move(done));
    platform::probe_drain(loop.stats.open);
    for (const auto& [who, drains] : drain_hooks) drains();
    close_listeners();
    datagrams.close_all();
    timers.cancel(drain_timer_);
    draining_ = loop.draining = true;
    aborting_ = false;
    aborted_ = 0;
    ++drains_;
    if (deadline.count() > 0) {
        drain_timer_ = timers.start(deadline, {}, [this] { abort_rest(); });
        loop.connections.for_each([](SocketConnection& c) { c.stop(); });
    } else {
        abort_this_turn();
    }
    loop.connection_gone = [this] {
        if (loop.stats.open == 0) loop.at_end_of_turn([this] { finish_drain(); });
    };
    loop.connection_gone();
}

void ReactorImpl::abort() {
    if (!draining_) return drain({}, {});
    timers.cancel(drain_timer_);
    abort_this_turn();
}

void ReactorImpl::abort_this_turn() {
    loop.at_end_of_turn([this, drain = drains_] {
        if (drain == drains_) abort_rest();
    });
}

// No connection is created from here on. Otherwise an on_close that connects again would go on for ever.
void ReactorImpl::abort_rest() {
    if (!draining_) return;
    aborting_ = true;
    close_listeners();
    aborted_ += loop.stats.open - loop.stats.rejecting;
    loop.finish_all(errc::stopping);
    datagrams.end_all(errc::stopping);
}

void ReactorImpl::finish_drain() {
    if (!draining_ || loop.stats.open > 0) return;
    draining_ = aborting_ = loop.draining = false;
    timers.cancel(drain_timer_);
    loop.connection_gone = {};
    const auto done = std::exchange(drained_, {});
    if (done) loop.guarded("drain", [&] { done(aborted_); });
}

void ReactorImpl::end_all() {
    loop.finish_all(errc::stopping);
    datagrams.end_all(errc::stopping);
    resolver.close();
    offloads.close();
    posts.close();
}

void ReactorImpl::abandon_all() {
    offloads.abandon();  // first, because work started by the others' destructors would never end
    resolver.abandon();
    loop.abandon_all();
    datagrams.abandon_all();
    posts.abandon();
}

// Destroys what users gave, while all members can still be called, because destructors may call the reactor.
// From here on nothing is accepted from users.
void ReactorImpl::forget_users() {
    timers.close();
    for (const auto& [id, listener] : listeners_) listener->forget_users();
    signals.forget_users();
    drained_ = nullptr;
    const auto drains = std::exchange(drain_hooks, {});
    loop.forget_users();
}

// A forked child shares the epoll set with the parent: what libuv removed from it here would be removed for
// the parent, too. So libuv first creates a set for the child.
void ReactorImpl::close_all() {
    if (std::exchange(closing_, true)) return;
    loop.begin_time();
    const bool forked = is_forked();
    if (forked) {
        loop.watches.leave_fork();
        uv_loop_fork(loop.uv());
    }
    draining_ = false;
    loop.connection_gone = {};
    close_listeners();
    resolver.ask_no_more();  // otherwise each connect that ends would start the next look-up
    forked ? abandon_all() : end_all();
    forget_users();
    signals.close();
}

void ReactorImpl::destroy(std::unique_ptr<ReactorImpl> impl) {
    ReactorImpl& self = *impl;
    if (self.loop.is_own()) {
        self.loop.close_handles({});
        // A forked child does not have the threads of libuv's pool, so its look-ups never end.
        const bool forked = self.is_forked();
        uv_run(self.loop.uv(), forked ? UV_RUN_NOWAIT : UV_RUN_DEFAULT);
        [[maybe_unused]] const int left = uv_loop_close(self.loop.uv());
        assert((left == 0 || forked) && "every handle is closed");
    } else {
        self.loop.close_handles([last = impl.release()] { delete last; });
    }
}

}  // namespace switchboard::detail
