#include <switchboard/reactor_group.hpp>

#include <atomic>
#include <cassert>
#include <thread>

#include "platform/platform.hpp"
#include "platform/process.hpp"
#include "reactor_impl.hpp"

namespace switchboard {
namespace {

using detail::AcceptedSocket;
using detail::AcceptLimits;
using detail::access;
using detail::ConnectionAcceptor;
using detail::socket_options;

// Pins the calling thread to a processor and restores its processors on destruction.
class Pinned {
public:
    Pinned(bool wanted, std::size_t index) : wanted_(wanted) {
        if (wanted_) before_ = platform::pin_thread(index);
    }
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;
    ~Pinned() {
        if (wanted_) platform::unpin_thread(before_);
    }

private:
    const bool wanted_;
    platform::Processors before_{};
};

// Joins the threads on destruction, like std::jthread, which libc++ before version 20 does not have.
class Joining {
public:
    explicit Joining(std::vector<std::thread>& threads) : threads_(threads) {}
    Joining(const Joining&) = delete;
    Joining& operator=(const Joining&) = delete;
    ~Joining() {
        for (std::thread& thread : threads_) thread.join();
    }

private:
    std::vector<std::thread>& threads_;
};

// The first socket may get a free port, which the others then share.
Result<std::vector<Socket>> open_each(const Endpoint& endpoint, std::size_t count,
                                      const ListenOptions& options) {
    SocketOptions how = socket_options(options);
    how.reuse_port = true;
    std::vector<Socket> sockets;
    Endpoint at = endpoint;
    if (endpoint.port() != 0) {  // detects another server of this user on the port
        const auto alone = switchboard::listen(endpoint, socket_options(options));
        if (!alone) return tl::unexpected(alone.error());
    }
    for (std::size_t i = 0; i < count; ++i) {
        auto socket = switchboard::listen(at, how);
        if (!socket) return tl::unexpected(socket.error());
        const auto local = bound_endpoint(*socket, endpoint);
        if (!local) return tl::unexpected(local.error());
        at = *local;
        sockets.push_back(std::move(*socket));
    }
    return sockets;
}

}  // namespace

Result<std::vector<Socket>> open_listeners(const Endpoint& endpoint, std::size_t count,
                                           const ListenOptions& options) {
    const bool spreads = count > 1 && endpoint.kind() == Endpoint::Kind::tcp;
    if (spreads && platform::kReusePortSpreads) return open_each(endpoint, count, options);
    auto socket = switchboard::listen(endpoint, socket_options(options));
    if (!socket) return tl::unexpected(socket.error());
    std::vector<Socket> one;
    one.push_back(std::move(*socket));
    return one;
}

// Passes accepted sockets from reactor 0 to the other reactors in turn. Each acceptor, with its factory, is
// destroyed by its own reactor after the listener has closed, or else by the group.
class ReactorGroup::HandoffQueue : public std::enable_shared_from_this<HandoffQueue> {
public:
    explicit HandoffQueue(std::vector<std::unique_ptr<Reactor>>& reactors) : reactors_(reactors) {}

    void add(std::unique_ptr<ConnectionAcceptor> acceptor) {
        acceptors_.push_back(std::move(acceptor));
    }
    bool hand_off(AcceptedSocket& accepted) {
        turn_ = (turn_ + 1) % reactors_.size();
        if (turn_ == 0) return false;
        ConnectionAcceptor* const acceptor = acceptors_[turn_ - 1].get();
        std::shared_ptr<AcceptedSocket> moved;
        try {
            moved = std::make_shared<AcceptedSocket>();
            *moved = std::move(accepted);
            reactors_[turn_]->post([acceptor, moved] { acceptor->admit(std::move(*moved)); });
            return true;
        } catch (const std::bad_alloc&) {
            if (moved && moved->socket) accepted = std::move(*moved);
            return false;  // reactor 0 serves it
        }
    }
    // The listener has closed. The sockets that were handed to a reactor are before this in its queue.
    void close() noexcept try {
        for (std::size_t i = 0; i < acceptors_.size(); ++i)
            reactors_[i + 1]->post([self = shared_from_this(), i] { self->acceptors_[i].reset(); });
    } catch (const std::bad_alloc&) {
        return;  // the group destroys the others
    }
    // The group is being destroyed.
    void clear() noexcept { acceptors_.clear(); }

private:
    std::vector<std::unique_ptr<Reactor>>& reactors_;
    std::vector<std::unique_ptr<ConnectionAcceptor>> acceptors_;
    std::size_t turn_ = 0;
};

struct ReactorGroup::Drain {
    std::function<void(std::size_t)> done;
    std::atomic<std::size_t> left, aborted{0};
};

ReactorGroup::ReactorGroup(std::size_t reactors, const GroupOptions& options) : pin_(options.pin) {
    assert(reactors > 0);
    for (std::size_t i = 0; i < reactors; ++i)
        reactors_.push_back(std::make_unique<Reactor>(options.reactor));
}

// Reactor 0 is last, because callbacks in the others may still post to it. All are closed before the first is
// destroyed, because destructors of the user's objects may still call the group.
ReactorGroup::~ReactorGroup() {
    for (const auto& each : handoffs_) each->clear();
    for (std::size_t i = size(); i-- > 0;) access(*reactors_[i]).close_all();
    while (!reactors_.empty()) reactors_.pop_back();
}

Result<ReactorGroup::Listening> ReactorGroup::listen(const Endpoint& endpoint,
                                                     const ProtocolFactory& factory,
                                                     const ListenOptions& options,
                                                     SourceLocation location) {
    return listen(endpoint, MakeFactory([&](Reactor&) { return factory; }), options, location);
}

Result<ReactorGroup::Listening> ReactorGroup::listen(const Endpoint& endpoint,
                                                     const MakeFactory& make_factory,
                                                     const ListenOptions& options,
                                                     SourceLocation location) {
    if (auto fit = admits(endpoint, options); !fit) return tl::unexpected(fit.error());
    auto sockets = open_listeners(endpoint, size(), options);
    if (!sockets) return tl::unexpected(sockets.error());
    return listen_on(std::move(*sockets), endpoint, make_factory, options, location);
}

Result<ReactorGroup::Listening> ReactorGroup::listen(std::vector<Socket> sockets,
                                                     const Endpoint& asked,
                                                     const MakeFactory& make_factory,
                                                     const ListenOptions& options,
                                                     SourceLocation location) {
    assert(!sockets.empty());
    if (auto fit = admits(asked, options); !fit) return tl::unexpected(fit.error());
    for (Socket& socket : sockets) {
        auto taken = detail::take_listener(std::move(socket), options);
        if (!taken) return tl::unexpected(taken.error());
        socket = std::move(*taken);
    }
    return listen_on(std::move(sockets), asked, make_factory, options, location);
}

Result<void> ReactorGroup::admits(const Endpoint& asked, const ListenOptions& options) const {
    assert(!access(*reactors_[0]).is_running() && "before run()");
    return access(*reactors_[0]).admits(asked, options);
}

Result<ReactorGroup::Listening> ReactorGroup::listen_on(std::vector<Socket> sockets,
                                                        const Endpoint& asked,
                                                        const MakeFactory& make_factory,
                                                        const ListenOptions& options,
                                                        SourceLocation location) {
    const auto local = bound_endpoint(sockets.front(), asked);
    if (!local) return tl::unexpected(local.error());
    std::vector<ProtocolFactory> factories;
    for (const auto& reactor : reactors_) {
        auto factory = make_factory(*reactor);
        if (!factory) return tl::unexpected(factory.error());
        factories.push_back(std::move(*factory));
    }
    const auto control = std::make_shared<AcceptLimits>(options.server, options.count);
    Listening listening{*local, {}};
    const bool hands = sockets.size() < size();
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        const std::size_t on = hands ? 0 : i % size();
        detail::ReactorImpl& impl = access(*reactors_[on]);
        const auto started = impl.start_listener(std::move(sockets[i]), *local, factories[on],
                                                 options, control, location);
        if (!started) return tl::unexpected(started.error());
        listening.ids.push_back({on, started->id});
        if (hands) hand_off(*impl.find(started->id), factories, options, control, location);
    }
    return listening;
}

void ReactorGroup::hand_off(detail::Listener& listener,
                            const std::vector<ProtocolFactory>& factories,
                            const ListenOptions& options,
                            const std::shared_ptr<AcceptLimits>& control, SourceLocation location) {
    auto handoffs = std::make_shared<HandoffQueue>(reactors_);
    for (std::size_t i = 1; i < size(); ++i)
        handoffs->add(std::make_unique<ConnectionAcceptor>(access(*reactors_[i]).loop,
                                                           listener.local(), factories[i], options,
                                                           control, location));
    // Destroyed with the listener.
    const std::shared_ptr<HandoffQueue> to(handoffs.get(),
                                           [handoffs](HandoffQueue*) { handoffs->close(); });
    listener.hand_off = [to](AcceptedSocket& accepted) { return to->hand_off(accepted); };
    handoffs_.push_back(std::move(handoffs));
}

Result<std::vector<Socket>> ReactorGroup::share(const Listening& listening) {
    assert(!access(*reactors_[0]).is_running() && "before run()");
    std::vector<Socket> sockets;
    for (const auto& [reactor, id] : listening.ids) {
        auto socket = access(*reactors_[reactor]).share(id);
        if (!socket) return tl::unexpected(socket.error());
        sockets.push_back(std::move(*socket));
    }
    return sockets;
}

// With several reactors, all are kept running until a drain is done: reactor 0 because it gets the requests,
// and the others because reactor 0 may still have something for them.
void ReactorGroup::run() {
    if (access(*reactors_[0]).is_forked()) return reactors_[0]->run();  // throws
    std::vector<std::thread> threads;
    const Joining joining(threads);
    threads.reserve(size());
    stopped_ = false;
    try {
        for (std::size_t i = 1; i < size(); ++i) threads.push_back(start(i));
    } catch (...) {
        stopped_ = true;
        release_threads(threads.size());
        throw;
    }
    const Pinned pinned(pin_, 0);
    if (size() > 1 && !std::exchange(serving_, true)) hold_first(true);
    reactors_[0]->run();
    if (std::exchange(serving_, false)) hold_first(false);
    release_threads(threads.size());
}

std::thread ReactorGroup::start(std::size_t index) {
    detail::Loop& loop = access(*reactors_[index]).loop;
    loop.hold();
    try {
        return std::thread([this, index] {
            const Pinned pinned(pin_, index);
            reactors_[index]->run();
        });
    } catch (...) {
        loop.unhold();
        throw;
    }
}

void ReactorGroup::release_threads(std::size_t threads) {
    for (std::size_t i = 1; i <= threads; ++i)
        reactors_[i]->post([reactor = reactors_[i].get(), stopped = stopped_] {
            access(*reactor).loop.unhold();
            if (stopped) reactor->stop();
        });
}

void ReactorGroup::in_order(std::function<void(Reactor&)> act) {
    reactors_[0]->post([this, act = std::move(act)] {
        act(*reactors_[0]);
        for (std::size_t i = 1; i < size(); ++i)
            reactors_[i]->post([act, reactor = reactors_[i].get()] { act(*reactor); });
    });
}

void ReactorGroup::stop_accepting() {
    in_order([](Reactor& reactor) { switchboard::stop_accepting(reactor); });
}

void ReactorGroup::drain(std::chrono::milliseconds deadline,
                         std::function<void(std::size_t)> done) {
    auto drain = std::make_shared<Drain>();
    drain->done = std::move(done);
    drain->left = size();
    in_order([this, deadline, drain](Reactor& reactor) {
        if (&reactor == reactors_[0].get()) {
            if (!drain_) hold_first(true);
            drain_ = drain;
        }
        reactor.drain(deadline, [this, drain](std::size_t aborted) {
            drain->aborted += aborted;
            if (--drain->left == 0) reactors_[0]->post([this, drain] { drained(drain); });
        });
    });
}

// A drain that was replaced by another is ignored.
void ReactorGroup::drained(const std::shared_ptr<Drain>& drain) {
    if (drain_ != drain) return;
    drain_.reset();
    hold_first(false);
    if (std::exchange(serving_, false)) hold_first(false);
    if (drain->done) drain->done(drain->aborted);
}

void ReactorGroup::hold_first(bool held) {
    detail::Loop& loop = access(*reactors_[0]).loop;
    held ? loop.hold() : loop.unhold();
}

struct ReactorGroup::Visits {
    std::function<void(Reactor&)> visit;
    std::function<void()> done;
    std::size_t next = 0;
};

void ReactorGroup::for_each(std::function<void(Reactor&)> visit, std::function<void()> done) {
    const auto visits = std::make_shared<Visits>(Visits{std::move(visit), std::move(done)});
    reactors_[0]->post([this, visits] {
        hold_first(true);
        visit_next(visits);
    });
}

// One after the other, so that what they write to needs no lock.
void ReactorGroup::visit_next(const std::shared_ptr<Visits>& visits) {
    Reactor& reactor = *reactors_[visits->next];
    try {
        visits->visit(reactor);
    } catch (...) {
        reactors_[0]->post([this] { hold_first(false); });
        throw;
    }
    if (++visits->next < size())
        return reactors_[visits->next]->post([this, visits] { visit_next(visits); });
    reactors_[0]->post([this, visits] {
        hold_first(false);
        visits->done();
    });
}

void ReactorGroup::collect_stats(std::function<void(std::vector<ReactorStats>)> done) {
    const auto all = std::make_shared<std::vector<ReactorStats>>();
    for_each([all](Reactor& reactor) { all->push_back(switchboard::collect_stats(reactor)); },
             [all, done = std::move(done)] { done(std::move(*all)); });
}

void ReactorGroup::abort() {
    in_order([](Reactor& reactor) { reactor.abort(); });
}

void ReactorGroup::stop() {
    reactors_[0]->post([this] {
        stopped_ = true;
        reactors_[0]->stop();
    });
}

}  // namespace switchboard
