#include <switchboard/reconnect.hpp>

#include <algorithm>
#include <utility>

#include "base/deadline.hpp"
#include "reactor_impl.hpp"

namespace switchboard {

using detail::deadline_after;
using detail::limit_after;
using std::chrono::milliseconds;

Backoff::Backoff(BackoffOptions options, Clock::time_point now)
    : options_(options),
      random_(options.seed != 0 ? options.seed : std::random_device{}()),
      ceiling_(options.initial),
      without_since_(now) {}

void Backoff::connected(Clock::time_point now) {
    connected_at_ = now;
}

std::optional<milliseconds> Backoff::ended(Clock::time_point now) {
    if (const auto since = std::exchange(connected_at_, std::nullopt)) {
        without_since_ = now;
        if (now >= deadline_after(*since, options_.reset_after)) ceiling_ = options_.initial;
    }
    const milliseconds wait = draw();
    const auto gives_up = limit_after(without_since_, options_.max_elapsed);
    return deadline_after(now, wait) > gives_up ? std::nullopt : std::optional(wait);
}

// Gives the same numbers with every standard library, which std::uniform_* does not.
milliseconds Backoff::draw() {
    const milliseconds most = std::max(options_.max, milliseconds(0));
    const milliseconds ceiling = std::clamp(ceiling_, milliseconds(0), most);
    ceiling_ = ceiling > most / 2 ? most : ceiling * 2;
    const auto choices = static_cast<std::uint64_t>(ceiling.count()) + 1;
    return milliseconds(static_cast<milliseconds::rep>(random_() % choices));
}

// Shared with the hooks of connections that outlive the client.
struct ReconnectingClient::State : std::enable_shared_from_this<State> {
    State(Reactor& r, Endpoint e, ProtocolFactory f, ReconnectOptions o)
        : reactor(r),
          endpoint(std::move(e)),
          factory(std::move(f)),
          options(std::move(o)),
          backoff(options.backoff, Clock::now()) {}

    void connect_in(milliseconds wait) {
        timer = reactor.after(wait, [self = shared_from_this()] { self->connect(); });
    }

    void connect() {
        timer = {};
        std::unique_ptr<Protocol> protocol;
        try {
            protocol = factory();
        } catch (...) {
            give_up(errc::handler_failed);
            throw;  // the reactor logs it
        }
        if (!protocol) return give_up(errc::handler_failed);
        const auto started = reactor.connect(endpoint, std::move(protocol), hooked());
        if (!started) give_up(started.error());
    }

    ConnectOptions hooked() {
        ConnectOptions how = options.connect;
        how.on_connected = [self = shared_from_this()](ConnectionId made) {
            if (!self->stopped) {
                self->id = made;
                self->backoff.connected(Clock::now());
            }
            if (self->options.connect.on_connected) self->options.connect.on_connected(made);
        };
        how.on_ended = [self = shared_from_this()](const Error& error) {
            self->id = {};
            detail::access(self->reactor).loop.guarded("on_ended", [&] {
                if (self->options.connect.on_ended) self->options.connect.on_ended(error);
            });
            self->ended(error);
        };
        return how;
    }

    void ended(const Error& error) {
        if (stopped) return;
        if (draining) return give_up(drained());
        const auto wait = error == errc::stopping ? std::nullopt : backoff.ended(Clock::now());
        if (!wait) return give_up(error);
        connect_in(*wait);
        if (options.on_retry) options.on_retry(error, *wait);
    }

    // An open connection goes on, at most until the deadline. A wait for the next connect would outlast the
    // drain and keep run() from returning, so it is cancelled. on_give_up is called later, because this runs
    // within Reactor::drain().
    void drains() {
        draining = true;
        if (timer == TimerId{}) return;
        reactor.cancel(std::exchange(timer, {}));
        detail::access(reactor).loop.at_end_of_turn([self = shared_from_this()] {
            detail::access(self->reactor).loop.guarded("on_give_up", [&] {
                self->give_up(self->drained());
            });
        });
    }

    Error drained() const { return {errc::stopping, "connect " + endpoint.to_string()}; }

    void stop() {
        stopped = true;
        reactor.cancel(std::exchange(timer, {}));
        detail::access(reactor).drain_hooks.erase(this);
    }

    void give_up(const Error& error) {
        if (stopped) return;
        stop();
        if (options.on_give_up) options.on_give_up(error);
    }

    Reactor& reactor;
    const Endpoint endpoint;
    ProtocolFactory factory;
    ReconnectOptions options;
    Backoff backoff;
    TimerId timer;
    ConnectionId id;
    bool stopped = false;
    bool draining = false;
};

ReconnectingClient::ReconnectingClient(Reactor& reactor, Endpoint endpoint, ProtocolFactory factory,
                                       ReconnectOptions options)
    : state_(std::make_shared<State>(reactor, std::move(endpoint), std::move(factory),
                                     std::move(options))) {
    detail::access(reactor).drain_hooks.emplace(state_.get(),
                                                [state = state_.get()] { state->drains(); });
    state_->connect_in(milliseconds(0));
}

// The user's callbacks are destroyed while the client can still be called, unless a connection that calls
// them lives on.
ReconnectingClient::~ReconnectingClient() {
    stop();
    if (state_.use_count() > 1) return;
    const auto factory = std::exchange(state_->factory, {});
    const auto options = std::exchange(state_->options, {});
}

void ReconnectingClient::stop() {
    state_->stop();
}

ConnectionId ReconnectingClient::connection() const noexcept {
    return state_->id;
}

}  // namespace switchboard
