#include <switchboard/reactor.hpp>

#include <algorithm>
#include <cassert>
#include <switchboard/embed.hpp>
#include <switchboard/live_handle.hpp>
#include <switchboard/offload.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/resolver.hpp>
#include <switchboard/signals.hpp>

#include "reactor_impl.hpp"

namespace switchboard {

using detail::access;
using detail::ReactorImpl;

ReactorImpl& detail::access(const Reactor& reactor) noexcept {
    return *reactor.impl_;
}

Reactor::Reactor(const ReactorOptions& options)
    : impl_(std::make_unique<ReactorImpl>(nullptr, options)) {}

Reactor::Reactor(uv_loop_s* host, const ReactorOptions& options)
    : impl_(std::make_unique<ReactorImpl>(host, options)) {
    assert(host != nullptr);
}

Reactor::~Reactor() {
    assert(impl_->on_its_thread("~Reactor"));
    assert(!impl_->is_running() && "not from within run()");
    assert(impl_->loop.current == nullptr && "not from within a callback");
    impl_->close_all();  // on_close may still call members
    ReactorImpl::destroy(std::move(impl_));
}

Result<Listening> Reactor::listen(const Endpoint& endpoint, ProtocolFactory factory,
                                  ListenOptions options, SourceLocation location) {
    assert(impl_->on_its_thread("Reactor::listen"));
    return impl_->listen(endpoint, std::move(factory), std::move(options), location);
}

Result<Listening> Reactor::listen(Socket socket, const Endpoint& asked, ProtocolFactory factory,
                                  ListenOptions options, SourceLocation location) {
    assert(impl_->on_its_thread("Reactor::listen"));
    return impl_->listen(std::move(socket), asked, std::move(factory), std::move(options),
                         location);
}

void Reactor::close(ListenerId listener) {
    assert(impl_->on_its_thread("Reactor::close"));
    impl_->close(listener);
}

Result<ConnectionId> Reactor::connect(const Endpoint& endpoint, std::unique_ptr<Protocol> protocol,
                                      ConnectOptions options, SourceLocation location) {
    assert(impl_->on_its_thread("Reactor::connect"));
    assert(protocol);
    return impl_->connect(endpoint, std::move(protocol), std::move(options), location);
}

Connection* Reactor::find(ConnectionId id) noexcept {
    assert(impl_->on_its_thread("Reactor::find"));
    detail::SocketConnection* found = impl_->loop.connections.find(id);
    return found ? found->topmost() : nullptr;
}

TimerId Reactor::after(std::chrono::milliseconds delay, Callback fn, SourceLocation location) {
    assert(impl_->on_its_thread("Reactor::after"));
    return impl_->timers.start(delay, {}, std::move(fn), {}, location);
}

TimerId Reactor::every(std::chrono::milliseconds period, Callback fn, Rate rate,
                       SourceLocation location) {
    assert(impl_->on_its_thread("Reactor::every"));
    const auto least = std::max(period, std::chrono::milliseconds(1));
    return impl_->timers.start(least, least, std::move(fn), rate, location);
}

void Reactor::cancel(TimerId timer) {
    assert(impl_->on_its_thread("Reactor::cancel"));
    impl_->timers.cancel(timer);
}

void Reactor::post(Callback fn) {
    impl_->posts.post(std::move(fn));
}

void Reactor::run() {
    assert(impl_->on_its_thread("Reactor::run"));
    assert(impl_->loop.is_own() && "the host runs its own loop");
    assert(!impl_->is_running() && "not from within run()");
    impl_->run();
}

void Reactor::stop() {
    assert(impl_->on_its_thread("Reactor::stop"));
    assert(impl_->loop.is_own() && "the host runs its own loop");
    impl_->stop();
}

void Reactor::drain(std::chrono::milliseconds deadline, std::function<void(std::size_t)> done) {
    assert(impl_->on_its_thread("Reactor::drain"));
    impl_->drain(deadline, std::move(done));
}

void Reactor::abort() {
    assert(impl_->on_its_thread("Reactor::abort"));
    impl_->abort();
}

Clock::time_point Reactor::now() const noexcept {
    assert(impl_->on_its_thread("Reactor::now"));
    return impl_->loop.now();
}

void stop_accepting(Reactor& reactor) {
    assert(access(reactor).on_its_thread("stop_accepting"));
    access(reactor).close_listeners();
}

void pause_accepting(Reactor& reactor, ListenerId listener) {
    assert(access(reactor).on_its_thread("pause_accepting"));
    access(reactor).hold(listener, true);
}

void resume_accepting(Reactor& reactor, ListenerId listener) {
    assert(access(reactor).on_its_thread("resume_accepting"));
    access(reactor).hold(listener, false);
}

Result<Socket> share(Reactor& reactor, ListenerId listener) {
    assert(access(reactor).on_its_thread("share"));
    return access(reactor).share(listener);
}

OffloadId offload(Reactor& reactor, std::function<void(const CancelToken&)> work,
                  std::function<void(std::error_code)> done, SourceLocation location) {
    assert(access(reactor).on_its_thread("offload"));
    return access(reactor).offloads.start(std::move(work), std::move(done), location);
}

void cancel(Reactor& reactor, OffloadId offload) {
    assert(access(reactor).on_its_thread("cancel"));
    access(reactor).offloads.cancel(offload);
}

Result<void> on_signal(Reactor& reactor, int signal, std::function<void()> fn) {
    ReactorImpl& impl = access(reactor);
    assert(impl.on_its_thread("on_signal"));
    if (const auto why = impl.refusal()) return fail(why, "catch signal " + std::to_string(signal));
    return impl.signals.add(signal, std::move(fn));
}

int poll_fd(Reactor& reactor) noexcept {
    assert(access(reactor).loop.is_own() && "the host runs its own loop");
    return access(reactor).loop.embed();
}

std::optional<std::chrono::milliseconds> next_timeout(Reactor& reactor) noexcept {
    assert(access(reactor).on_its_thread("next_timeout"));
    assert(access(reactor).loop.is_own() && "the host runs its own loop");
    return access(reactor).loop.next_timeout();
}

bool run_ready(Reactor& reactor) {
    ReactorImpl& impl = access(reactor);
    assert(impl.on_its_thread("run_ready"));
    assert(impl.loop.is_own() && "the host runs its own loop");
    assert(!impl.is_running() && "not from within run()");
    return impl.run_ready();
}

LookupId resolve(Reactor& reactor, std::string_view name, std::string_view service,
                 ResolveDone done, ResolveOptions options, SourceLocation location) {
    ReactorImpl& impl = access(reactor);
    return impl.resolver.start(std::string(name), service, std::move(done), options, impl.refusal(),
                               location);
}

void cancel(Reactor& reactor, LookupId lookup) {
    access(reactor).resolver.cancel(lookup);
}

ReactorStats collect_stats(const Reactor& reactor) {
    ReactorImpl& impl = access(reactor);
    assert(impl.on_its_thread("collect_stats"));
    ReactorStats stats = impl.loop.stats;
    impl.loop.connections.for_each([&](auto& c) {
        stats.queued_bytes += c.queued_in_all();
        if (c.is_paused()) ++stats.paused;
    });
    impl.datagrams.count(stats);
    return stats;
}

std::vector<LiveHandle> active_handles(const Reactor& reactor) {
    assert(access(reactor).on_its_thread("active_handles"));
    return access(reactor).active_handles();
}

}  // namespace switchboard
