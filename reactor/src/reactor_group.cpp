#include <switchboard/reactor_group.hpp>

#include <atomic>
#include <cassert>
#include <thread>

#include "impl.hpp"
#include "platform/platform.hpp"
#include "platform/process.hpp"

namespace switchboard {
namespace {

using detail::AcceptControl;
using detail::Admission;
using detail::Arrival;
using detail::socket_options;

// The processors of this thread, as they were before.
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

// As std::jthread joins, which libc++ before version 20 does not have.
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

}  // namespace

// Where the reactors take what reactor 0 hands to them; one for each but that one.
class ReactorGroup::Intakes {
public:
    explicit Intakes(std::vector<std::unique_ptr<Reactor>>& reactors) : reactors_(reactors) {}

    void add(std::unique_ptr<Admission> admission) { admissions_.push_back(std::move(admission)); }
    bool hand_off(Arrival& arrival) {
        turn_ = (turn_ + 1) % reactors_.size();
        if (turn_ == 0) return false;
        Admission* const admission = admissions_[turn_ - 1].get();
        std::shared_ptr<Arrival> moved;
        try {
            moved = std::make_shared<Arrival>();
            *moved = std::move(arrival);
            reactors_[turn_]->post([admission, moved] { admission->admit(std::move(*moved)); });
            return true;
        } catch (const std::bad_alloc&) {
            if (moved && moved->socket) arrival = std::move(*moved);
            return false;  // then reactor 0 has it
        }
    }

private:
    std::vector<std::unique_ptr<Reactor>>& reactors_;
    std::vector<std::unique_ptr<Admission>> admissions_;
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

// Reactor 0 last: what ends in the others may still post to it. All are closed before the first is gone:
// what users gave may own what asks something of the group as it goes.
ReactorGroup::~ReactorGroup() {
    intakes_.clear();
    for (std::size_t i = size(); i-- > 0;) reactors_[i]->impl().close_all();
    while (!reactors_.empty()) reactors_.pop_back();
}

Result<ReactorGroup::Listening> ReactorGroup::listen(const Endpoint& endpoint,
                                                     const ProtocolFactory& factory,
                                                     const ListenOptions& options, Site made) {
    return listen(endpoint, FactoryFor([&](Reactor&) { return factory; }), options, made);
}

Result<ReactorGroup::Listening> ReactorGroup::listen(const Endpoint& endpoint,
                                                     const FactoryFor& factory_for,
                                                     const ListenOptions& options, Site made) {
    if (auto fit = admits(endpoint, options); !fit) return tl::unexpected(fit.error());
    auto sockets = open(endpoint, options);
    if (!sockets) return tl::unexpected(sockets.error());
    return listen_on(std::move(*sockets), endpoint, factory_for, options, made);
}

Result<std::vector<Socket>> ReactorGroup::open(const Endpoint& endpoint,
                                               const ListenOptions& options) const {
    const bool spreads = size() > 1 && endpoint.kind() == Endpoint::Kind::tcp;
    if (spreads && platform::kReusePortSpreads) return open_each(endpoint, options);
    auto socket = switchboard::listen(endpoint, socket_options(options));
    if (!socket) return tl::unexpected(socket.error());
    std::vector<Socket> one;
    one.push_back(std::move(*socket));
    return one;
}

// The first may be given a free port, which the others then share.
Result<std::vector<Socket>> ReactorGroup::open_each(const Endpoint& endpoint,
                                                    const ListenOptions& options) const {
    SocketOptions how = socket_options(options);
    how.reuse_port = true;
    std::vector<Socket> sockets;
    Endpoint at = endpoint;
    if (endpoint.port() != 0) {  // or another server of this user would not be noticed
        const auto alone = switchboard::listen(endpoint, socket_options(options));
        if (!alone) return tl::unexpected(alone.error());
    }
    for (std::size_t i = 0; i < size(); ++i) {
        auto socket = switchboard::listen(at, how);
        if (!socket) return tl::unexpected(socket.error());
        const auto local = bound_endpoint(*socket, endpoint);
        if (!local) return tl::unexpected(local.error());
        at = *local;
        sockets.push_back(std::move(*socket));
    }
    return sockets;
}

Result<ReactorGroup::Listening> ReactorGroup::listen(std::vector<Socket> sockets,
                                                     const Endpoint& asked,
                                                     const FactoryFor& factory_for,
                                                     const ListenOptions& options, Site made) {
    assert(!sockets.empty());
    if (auto fit = admits(asked, options); !fit) return tl::unexpected(fit.error());
    for (Socket& socket : sockets) {
        auto taken = detail::take_listener(std::move(socket), options);
        if (!taken) return tl::unexpected(taken.error());
        socket = std::move(*taken);
    }
    return listen_on(std::move(sockets), asked, factory_for, options, made);
}

Result<void> ReactorGroup::admits(const Endpoint& asked, const ListenOptions& options) const {
    assert(!reactors_[0]->impl().is_running() && "before run()");
    return reactors_[0]->impl().admits(options.limits, "listen " + asked.to_string());
}

Result<ReactorGroup::Listening> ReactorGroup::listen_on(std::vector<Socket> sockets,
                                                        const Endpoint& asked,
                                                        const FactoryFor& factory_for,
                                                        const ListenOptions& options, Site made) {
    const auto local = bound_endpoint(sockets.front(), asked);
    if (!local) return tl::unexpected(local.error());
    std::vector<ProtocolFactory> factories;
    for (const auto& reactor : reactors_) {
        auto factory = factory_for(*reactor);
        if (!factory) return tl::unexpected(factory.error());
        factories.push_back(std::move(*factory));
    }
    const auto control = std::make_shared<AcceptControl>(options);
    Listening listening{*local, {}};
    const bool hands = sockets.size() < size();
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        const std::size_t on = hands ? 0 : i % size();
        Reactor::Impl& impl = reactors_[on]->impl();
        const auto started = impl.start_listener(std::move(sockets[i]), *local, factories[on],
                                                 options, control, made);
        if (!started) return tl::unexpected(started.error());
        listening.ids.push_back({on, started->id});
        if (hands) hand_off(*impl.find(started->id), factories, options, control, made);
    }
    return listening;
}

void ReactorGroup::hand_off(detail::Listener& listener,
                            const std::vector<ProtocolFactory>& factories,
                            const ListenOptions& options,
                            const std::shared_ptr<AcceptControl>& control, Site made) {
    auto intakes = std::make_unique<Intakes>(reactors_);
    for (std::size_t i = 1; i < size(); ++i)
        intakes->add(std::make_unique<Admission>(reactors_[i]->impl().loop, listener.local(),
                                                 factories[i], options, control, made));
    listener.hand_off = [to = intakes.get()](Arrival& arrival) { return to->hand_off(arrival); };
    intakes_.push_back(std::move(intakes));
}

Result<std::vector<Socket>> ReactorGroup::share(const Listening& listening) {
    assert(!reactors_[0]->impl().is_running() && "before run()");
    std::vector<Socket> sockets;
    for (const auto& [reactor, id] : listening.ids) {
        auto socket = reactors_[reactor]->impl().share(id);
        if (!socket) return tl::unexpected(socket.error());
        sockets.push_back(std::move(*socket));
    }
    return sockets;
}

// Several are held until a drain is done: reactor 0, because it is the one that is asked; the others,
// because it may still have something for them.
void ReactorGroup::run() {
    if (reactors_[0]->impl().is_forked()) return reactors_[0]->run();  // which says so
    std::vector<std::thread> threads;
    const Joining joining(threads);
    threads.reserve(size());
    stopped_ = false;
    try {
        for (std::size_t i = 1; i < size(); ++i) threads.push_back(start(i));
    } catch (...) {
        stopped_ = true;
        let_go(threads.size());
        throw;
    }
    const Pinned pinned(pin_, 0);
    if (size() > 1 && !std::exchange(serving_, true)) hold_first(true);
    reactors_[0]->run();
    if (std::exchange(serving_, false)) hold_first(false);
    let_go(threads.size());
}

std::thread ReactorGroup::start(std::size_t index) {
    detail::Loop& loop = reactors_[index]->impl().loop;
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

void ReactorGroup::let_go(std::size_t threads) {
    for (std::size_t i = 1; i <= threads; ++i)
        reactors_[i]->post([reactor = reactors_[i].get(), stopped = stopped_] {
            reactor->impl().loop.unhold();
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
    in_order([](Reactor& reactor) { reactor.stop_accepting(); });
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

// One that another has replaced is not done.
void ReactorGroup::drained(const std::shared_ptr<Drain>& drain) {
    if (drain_ != drain) return;
    drain_.reset();
    hold_first(false);
    if (std::exchange(serving_, false)) hold_first(false);
    if (drain->done) drain->done(drain->aborted);
}

void ReactorGroup::hold_first(bool held) {
    detail::Loop& loop = reactors_[0]->impl().loop;
    held ? loop.hold() : loop.unhold();
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
