#include <switchboard/reactor.hpp>

#include <algorithm>
#include <cassert>

#include "impl.hpp"

namespace switchboard {

Reactor::Reactor(const ReactorOptions& options) : impl_(std::make_unique<Impl>(nullptr, options)) {}

Reactor::Reactor(uv_loop_s* host, const ReactorOptions& options)
    : impl_(std::make_unique<Impl>(host, options)) {
    assert(host != nullptr);
}

Reactor::~Reactor() {
    assert(impl_->on_its_thread("~Reactor"));
    assert(!impl_->is_running() && "not from within run()");
    assert(impl_->loop.current == nullptr && "not from within a callback");
    impl_->close_all();  // on_close may still call members
    Impl::destroy(std::move(impl_));
}

Result<Listening> Reactor::listen(const Endpoint& endpoint, ProtocolFactory factory,
                                  ListenOptions options, Site made) {
    assert(impl_->on_its_thread("Reactor::listen"));
    return impl_->listen(endpoint, std::move(factory), std::move(options), made);
}

Result<Listening> Reactor::listen(Socket socket, const Endpoint& asked, ProtocolFactory factory,
                                  ListenOptions options, Site made) {
    assert(impl_->on_its_thread("Reactor::listen"));
    return impl_->listen(std::move(socket), asked, std::move(factory), std::move(options), made);
}

void Reactor::close(ListenerId listener) {
    assert(impl_->on_its_thread("Reactor::close"));
    impl_->close(listener);
}

Result<Socket> Reactor::share(ListenerId listener) {
    assert(impl_->on_its_thread("Reactor::share"));
    return impl_->share(listener);
}

void Reactor::stop_accepting() {
    assert(impl_->on_its_thread("Reactor::stop_accepting"));
    impl_->close_listeners();
}

void Reactor::pause_accepting(ListenerId listener) {
    assert(impl_->on_its_thread("Reactor::pause_accepting"));
    impl_->hold(listener, true);
}

void Reactor::resume_accepting(ListenerId listener) {
    assert(impl_->on_its_thread("Reactor::resume_accepting"));
    impl_->hold(listener, false);
}

Result<ConnectionId> Reactor::connect(const Endpoint& endpoint, std::unique_ptr<Protocol> protocol,
                                      ConnectOptions options, Site made) {
    assert(impl_->on_its_thread("Reactor::connect"));
    assert(protocol);
    return impl_->connect(endpoint, std::move(protocol), std::move(options), made);
}

Connection* Reactor::find(ConnectionId id) noexcept {
    assert(impl_->on_its_thread("Reactor::find"));
    detail::SocketConnection* found = impl_->loop.connections.find(id);
    return found ? found->topmost() : nullptr;
}

TimerId Reactor::after(std::chrono::milliseconds delay, Callback fn, Site made) {
    assert(impl_->on_its_thread("Reactor::after"));
    return impl_->timers.start(delay, {}, std::move(fn), {}, made);
}

TimerId Reactor::every(std::chrono::milliseconds period, Callback fn, Rate rate, Site made) {
    assert(impl_->on_its_thread("Reactor::every"));
    const auto least = std::max(period, std::chrono::milliseconds(1));
    return impl_->timers.start(least, least, std::move(fn), rate, made);
}

void Reactor::cancel(TimerId timer) {
    assert(impl_->on_its_thread("Reactor::cancel"));
    impl_->timers.cancel(timer);
}

void Reactor::post(Callback fn) {
    impl_->posts.post(std::move(fn));
}

OffloadId Reactor::offload(std::function<void(const CancelToken&)> work,
                           std::function<void(std::error_code)> done, Site made) {
    assert(impl_->on_its_thread("Reactor::offload"));
    return impl_->offloads.start(std::move(work), std::move(done), made);
}

void Reactor::cancel(OffloadId offload) {
    assert(impl_->on_its_thread("Reactor::cancel"));
    impl_->offloads.cancel(offload);
}

Result<void> Reactor::on_signal(int signal, Callback fn) {
    assert(impl_->on_its_thread("Reactor::on_signal"));
    return impl_->on_signal(signal, std::move(fn));
}

void Reactor::run() {
    assert(impl_->on_its_thread("Reactor::run"));
    assert(impl_->loop.is_own() && "the host runs its own loop");
    assert(!impl_->is_running() && "not from within run()");
    impl_->run();
}

int Reactor::fd() noexcept {
    assert(impl_->loop.is_own() && "the host runs its own loop");
    return impl_->loop.embed();
}

std::optional<std::chrono::milliseconds> Reactor::next_timeout() noexcept {
    assert(impl_->on_its_thread("Reactor::next_timeout"));
    assert(impl_->loop.is_own() && "the host runs its own loop");
    return impl_->loop.next_timeout();
}

bool Reactor::run_ready() {
    assert(impl_->on_its_thread("Reactor::run_ready"));
    assert(impl_->loop.is_own() && "the host runs its own loop");
    assert(!impl_->is_running() && "not from within run()");
    return impl_->run_ready();
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

ReactorStats Reactor::stats() const {
    assert(impl_->on_its_thread("Reactor::stats"));
    ReactorStats stats = impl_->loop.stats;
    impl_->loop.connections.for_each([&](auto& c) {
        stats.queued_bytes += c.queued_in_all();
        if (c.is_paused()) ++stats.paused;
    });
    impl_->datagrams.count(stats);
    return stats;
}

std::vector<LiveHandle> Reactor::why_alive() const {
    assert(impl_->on_its_thread("Reactor::why_alive"));
    return impl_->why_alive();
}

}  // namespace switchboard
