#include "impl.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cassert>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "attempt.hpp"
#include "attempt_plan.hpp"
#include "connecting.hpp"
#include "platform/platform.hpp"
#include "platform/probes.hpp"

namespace switchboard {

using detail::Listener;
using detail::SocketConnection;

// From the first callback to the last.
class Reactor::Impl::Running {
public:
    explicit Running(Impl& impl) : impl_(impl) {
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

    Impl& impl_;
};

Reactor::Impl::Impl(uv_loop_t* host, const ReactorOptions& options)
    : loop(host, options),
      timers(loop),
      posts(loop),
      offloads(loop),
      datagrams(loop),
      resolver(loop, timers, options.max_lookups),
      process_(::getpid()) {
    loop.timer_due = [this](detail::WheelNode& node) {
        if (node.kind() == detail::WheelNode::Kind::datagram) {
            static_cast<detail::DatagramHandle&>(node).expire_now();
        } else {
            timers.due(node);
        }
    };
}

bool Reactor::Impl::is_forked() const noexcept {
    return ::getpid() != process_;
}

bool Reactor::Impl::on_its_thread(const char* call) const {
    if (thread_ == std::thread::id() || thread_ == std::this_thread::get_id()) return true;
    std::fprintf(stderr, "switchboard: %s called from a thread that is not the reactor's\n", call);
    return false;
}

std::error_code Reactor::Impl::refusal() const noexcept {
    if (is_forked()) return errc::forked;
    return closing_ ? errc::stopping : std::error_code();
}

Result<void> Reactor::Impl::admits(const Limits& limits, const std::string& tried) const {
    if (const auto why = refusal()) return fail(why, tried);
    if (aborting_) return fail(errc::stopping, tried);
    return limits.check();
}

Result<Listening> Reactor::Impl::listen(const Endpoint& endpoint, ProtocolFactory factory,
                                        ListenOptions options, const Site& made) {
    if (auto fit = admits(options.limits, "listen " + endpoint.to_string()); !fit)
        return tl::unexpected(fit.error());
    auto socket = switchboard::listen(endpoint, detail::socket_options(options));
    if (!socket) return tl::unexpected(socket.error());
    return listen_on(std::move(*socket), endpoint, std::move(factory), std::move(options), made);
}

Result<Listening> Reactor::Impl::listen(Socket socket, const Endpoint& asked,
                                        ProtocolFactory factory, ListenOptions options,
                                        const Site& made) {
    if (auto fit = admits(options.limits, "listen " + asked.to_string()); !fit)
        return tl::unexpected(fit.error());
    auto taken = detail::take_listener(std::move(socket), options);
    if (!taken) return tl::unexpected(taken.error());
    return listen_on(std::move(*taken), asked, std::move(factory), std::move(options), made);
}

Result<Listening> Reactor::Impl::listen_on(Socket socket, const Endpoint& asked,
                                           ProtocolFactory factory, ListenOptions options,
                                           const Site& made) {
    const auto local = bound_endpoint(socket, asked);
    if (!local) return tl::unexpected(local.error());
    auto control = std::make_shared<detail::AcceptControl>(options);
    return start_listener(std::move(socket), *local, std::move(factory), std::move(options),
                          std::move(control), made);
}

Result<Listening> Reactor::Impl::start_listener(Socket socket, const Endpoint& local,
                                                ProtocolFactory factory, ListenOptions options,
                                                std::shared_ptr<detail::AcceptControl> control,
                                                const Site& made) {
    auto admission = std::make_unique<detail::Admission>(loop, local, std::move(factory), options,
                                                         std::move(control), made);
    auto listener = std::make_unique<Listener>(
        loop, std::move(socket), local, std::move(admission), std::move(options),
        [this](auto delay, auto fn) { return timers.start(delay, {}, std::move(fn)); }, made);
    if (const auto error = listener->start()) return fail(error, "listen " + local.to_string());
    const std::uint64_t id = ++last_listener_;
    listeners_.emplace(id, std::move(listener));
    return Listening{{id}, local};
}

void Reactor::Impl::close(ListenerId id) {
    const auto found = listeners_.find(id.value);
    if (found == listeners_.end() || found->second->is_closed()) return;
    timers.cancel(found->second->pause());
    // Out of the map first: what its options own may listen anew as it goes.
    found->second->close([this, id] { const auto gone = listeners_.extract(id.value); });
}

detail::Listener* Reactor::Impl::find(ListenerId id) noexcept {
    const auto found = listeners_.find(id.value);
    const bool open = found != listeners_.end() && !found->second->is_closed();
    return open ? found->second.get() : nullptr;
}

Result<Socket> Reactor::Impl::share(ListenerId id) {
    Listener* const listener = find(id);
    if (listener == nullptr)
        return fail(std::make_error_code(std::errc::bad_file_descriptor), "share a listener");
    Socket copy(::fcntl(listener->fd(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno("share " + listener->local().to_string());
    return copy;
}

void Reactor::Impl::hold(ListenerId id, bool held) {
    if (Listener* const listener = find(id)) listener->hold(held);
}

void Reactor::Impl::close_listeners() {
    for (const auto& [id, listener] : listeners_) close(ListenerId{id});
}

Result<ConnectionId> Reactor::Impl::connect(const Endpoint& endpoint,
                                            std::unique_ptr<Protocol> protocol,
                                            ConnectOptions options, const Site& site) {
    const std::string tried = "connect " + endpoint.to_string();
    if (auto fit = admits(options.limits, tried); !fit) return tl::unexpected(fit.error());
    if (endpoint.kind() == Endpoint::Kind::udp) return detail::not_a_stream("connect", endpoint);
    if (auto fit = detail::check_from(endpoint, options.from); !fit)
        return tl::unexpected(fit.error());
    if (options.attempt_delay < detail::kLeastAttemptDelay)
        return fail(errc::bad_option, "attempt_delay: at least 10 ms is needed");
    const auto addresses = endpoint.addresses();
    if (!addresses) return tl::unexpected(addresses.error());
    detail::Origin& origin = loop.make_origin(endpoint, std::move(options), site);
    SocketConnection& made = make_connection(origin, std::move(protocol));
    made.connect(endpoint);
    if (addresses->empty()) {
        look_up(endpoint, made);
    } else {
        made.connecting().add(*addresses, false);
    }
    return made.id();
}

// The origin goes with its last connection, or with the one there was no memory for.
SocketConnection& Reactor::Impl::make_connection(detail::Origin& origin,
                                                 std::unique_ptr<Protocol> protocol) try {
    SocketConnection& made = loop.make_connection(origin, std::move(protocol));
    loop.release(origin);
    return made;
} catch (const std::bad_alloc&) {
    loop.release(origin);
    throw;
}

void Reactor::Impl::look_up(const Endpoint& endpoint, SocketConnection& connection) {
    const auto first = [&connection](Result<std::vector<SocketAddress>> found) {
        connection.connecting().add(*found, true);
    };
    const auto done = [&connection](Result<std::vector<SocketAddress>> found) {
        if (found) return connection.connecting().add(*found, false);
        connection.connecting().failed(found.error());
    };
    const LookupId id = resolver.start(endpoint.host(), std::to_string(endpoint.port()), done,
                                       {.timeout = {}}, {}, connection.origin().site, first);
    connection.connecting().looks_up(
        [this, id] { resolver.cancel(id); });  // so it is there when either comes
}

Result<void> Reactor::Impl::on_signal(int signal, Callback fn) {
    const std::string tried = "catch signal " + std::to_string(signal);
    if (const auto why = refusal()) return fail(why, tried);
    Signal& made = signals_.emplace_back();
    if (const int error = uv_signal_init(loop.uv(), &made.handle)) {
        signals_.pop_back();
        return fail(std::error_code(-error, std::system_category()), tried);
    }
    made.fn = std::move(fn);
    made.impl = this;
    made.handle.data = &made;
    loop.handle_opened();
    uv_unref(reinterpret_cast<uv_handle_t*>(&made.handle));
    const int error = uv_signal_start(
        &made.handle,
        [](uv_signal_t* handle, int) {
            auto& self = *static_cast<Signal*>(handle->data);
            detail::Loop& its_loop = self.impl->loop;
            if (!its_loop.keeps_time()) its_loop.keep_time();
            its_loop.guarded("signal", self.fn);
        },
        signal);
    if (error == 0) return {};
    return fail(std::error_code(-error, std::system_category()), tried);
}

// A stop() may come in either of the two turns; whichever run() it ends forgets it.
void Reactor::Impl::run() {
    const Running running(*this);
    for (bool left = !closing_; left && !stopped_;) {
        uv_run(loop.uv(), UV_RUN_DEFAULT);
        left = !stopped_ && turn();
    }
    stopped_ = false;
}

bool Reactor::Impl::run_ready() {
    const Running running(*this);
    return !closing_ && turn();
}

// Held, because for posts alone libuv would do nothing: it does not count them.
bool Reactor::Impl::turn() {
    loop.hold();
    uv_run(loop.uv(), UV_RUN_NOWAIT);
    loop.unhold();
    return uv_loop_alive(loop.uv()) != 0 || posts.waiting();
}

void Reactor::Impl::stop() {
    stopped_ = true;
    if (is_running()) uv_stop(loop.uv());
}

void Reactor::Impl::drain(std::chrono::milliseconds deadline,
                          std::function<void(std::size_t)> done) {
    if (closing_) return;
    // Whose destruction may drain again, so it comes last.
    const auto replaced = std::exchange(drained_, std::move(done));
    platform::probe_drain(loop.stats.open);
    for (const auto& [who, drains] : on_drain) drains();
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

void Reactor::Impl::abort() {
    if (!draining_) return drain({}, {});
    timers.cancel(drain_timer_);
    abort_this_turn();
}

void Reactor::Impl::abort_this_turn() {
    loop.at_end_of_turn([this, drain = drains_] {
        if (drain == drains_) abort_rest();
    });
}

// From here on no connection is made, or an on_close that connects anew would go on for ever.
void Reactor::Impl::abort_rest() {
    if (!draining_) return;
    aborting_ = true;
    close_listeners();
    aborted_ += loop.stats.open - loop.stats.goodbyes;
    loop.finish_all(errc::stopping);
    datagrams.end_all(errc::stopping);
}

void Reactor::Impl::finish_drain() {
    if (!draining_ || loop.stats.open > 0) return;
    draining_ = aborting_ = loop.draining = false;
    timers.cancel(drain_timer_);
    loop.connection_gone = {};
    const auto done = std::exchange(drained_, {});
    if (done) loop.guarded("drain", [&] { done(aborted_); });
}

void Reactor::Impl::end_all() {
    loop.finish_all(errc::stopping);
    datagrams.end_all(errc::stopping);
    resolver.close();
    offloads.close();
    posts.close();
}

void Reactor::Impl::abandon_all() {
    offloads.abandon();  // first: what is begun as the others go would never end
    resolver.abandon();
    loop.abandon_all();
    datagrams.abandon_all();
    posts.abandon();
}

// What users gave may own what still asks something of the reactor as it goes: now, while all of it can be
// called. Nothing is taken from them any more.
void Reactor::Impl::forget_users() {
    timers.close();
    for (const auto& [id, listener] : listeners_) listener->forget_users();
    for (Signal& signal : signals_) signal.fn = nullptr;
    drained_ = nullptr;
    const auto drains = std::exchange(on_drain, {});
    loop.forget_users();
}

// In a forked child the epoll set is the parent's too: what libuv took out of it here would be gone
// there. So libuv makes the child one of its own first.
void Reactor::Impl::close_all() {
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
    resolver.ask_no_more();  // or each connect that ends would let the next one ask
    forked ? abandon_all() : end_all();
    forget_users();
    for (Signal& signal : signals_) {
        uv_close(reinterpret_cast<uv_handle_t*>(&signal.handle), [](uv_handle_t* handle) {
            static_cast<Signal*>(handle->data)->impl->loop.handle_closed();
        });
    }
}

void Reactor::Impl::destroy(std::unique_ptr<Impl> impl) {
    Impl& self = *impl;
    if (self.loop.is_own()) {
        self.loop.let_go({});
        // The threads of libuv's pool did not come along into a forked child: look-ups never end.
        const bool forked = self.is_forked();
        uv_run(self.loop.uv(), forked ? UV_RUN_NOWAIT : UV_RUN_DEFAULT);
        [[maybe_unused]] const int left = uv_loop_close(self.loop.uv());
        assert((left == 0 || forked) && "every handle is closed");
    } else {
        self.loop.let_go([last = impl.release()] { delete last; });
    }
}

}  // namespace switchboard
