#include "loop.hpp"

#include <algorithm>
#include <system_error>

#include "base/deadline.hpp"
#include "budgets.hpp"

namespace switchboard::detail {

Loop::Loop(uv_loop_t* host, ReactorOptions options)
    : uv_(open(host)),
      watches(*this, options.memory, is_own() ? SocketConnection::on_poll : nullptr),
      connections(options.memory),
      wheel(tick()),
      options_(std::move(options)) {
    uv_timer_init(uv_, &wheel_timer_);
    uv_idle_init(uv_, &idle_);
    uv_check_init(uv_, &check_);
    wheel_timer_.data = idle_.data = check_.data = this;
    uv_unref(reinterpret_cast<uv_handle_t*>(&wheel_timer_));
    uv_check_start(&check_, on_check);
    uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
    handles_ = 3;
    calibrate();
}

// Throws if there is no descriptor for the loop. A constructor has no other way to report it.
uv_loop_t* Loop::open(uv_loop_t* host) {
    if (host == nullptr) {
        if (const int error = uv_loop_init(&own_)) {
            throw std::system_error(-error, std::system_category(), "create a reactor");
        }
        host = &own_;
    }
    uv_update_time(host);
    return host;
}

Loop::~Loop() = default;

Clock::time_point Loop::now() const noexcept {
    return Clock::time_point(std::chrono::milliseconds(uv_now(uv_)));
}

Clock::time_point Loop::in(std::chrono::milliseconds delay) noexcept {
    return deadline_after(Clock::now(), delay);
}

// An empty wheel does not advance, and the ticks may have wrapped since.
void Loop::file(WheelNode& node, std::uint32_t tick) {
    const bool busy = turning_ || behind_;
    const bool turns = busy || uv_is_active(reinterpret_cast<uv_handle_t*>(&wheel_timer_)) != 0;
    if (!turns) wheel.advance(this->tick(), [](WheelNode&) {});
    wheel.file(node, tick);
    if (busy) return;
    if (!turns || static_cast<std::int32_t>(node.tick() - armed_) < 0) arm();
}

// libuv's timer waits for the next slot of the wheel. The nodes in that slot may be due only later.
void Loop::arm() {
    const auto next = wheel.next();
    if (!next) {
        uv_timer_stop(&wheel_timer_);
        return;
    }
    armed_ = *next;
    const auto ahead = static_cast<std::int32_t>(armed_ - tick());
    uv_timer_start(&wheel_timer_, on_wheel, static_cast<std::uint64_t>(std::max(ahead, 0)), 0);
    touched();
}

void Loop::on_wheel(uv_timer_t* timer) {
    Loop& self = *static_cast<Loop*>(timer->data);
    self.before_wait_ = true;
    self.turn_wheel();
    self.free_gone();
    self.before_wait_ = false;
}

// Timers that exceed the budget of a turn run after the sockets were checked again.
void Loop::turn_wheel() {
    turning_ = true;
    const auto expired = [this](WheelNode& node) {
        if (node.kind() == WheelNode::Kind::connection) {
            static_cast<SocketConnection&>(node).expire(now());
        } else {
            timer_due(node);
        }
    };
    behind_ = !wheel.advance(tick(), expired, kTimersPerTurn);
    if (behind_) check_again();
    turning_ = false;
    behind_ ? wake_next_turn() : arm();
}

void Loop::run_due_timers() {
    const bool passed = sample_clock(last != nullptr ? last->blame() : CallbackInfo());
    last = nullptr;
    const bool armed = uv_is_active(reinterpret_cast<uv_handle_t*>(&wheel_timer_)) != 0;
    if (armed && static_cast<std::int32_t>(tick() - armed_) >= 0) turn_wheel();
    if (passed && uv_is_active(reinterpret_cast<uv_handle_t*>(&idle_)) != 0) end_turn();
}

void Loop::log(LogLevel level, const std::string& text) const {
    if (!options_.log) return;
    try {
        options_.log(level, text);
    } catch (...) {
        // A failure of the log itself cannot be reported.
    }
}

ConnectionGroup& Loop::make_group(const ConnectionLimits& limits, const SourceLocation& location) {
    ConnectionGroup& group = groups_.emplace_back(ConnectionGroup{*this, limits, location});
    group.self = std::prev(groups_.end());
    return group;
}

ConnectionGroup& Loop::make_group(const Endpoint& endpoint, ConnectOptions options,
                                  const SourceLocation& location) {
    ConnectionGroup& group = make_group(options.limits, location);
    group.connect = std::make_unique<const ConnectOptions>(std::move(options));
    group.name = endpoint.to_string();
    return group;
}

void Loop::release(ConnectionGroup& group) {
    group.released = true;
    if (group.connections == 0) groups_.erase(group.self);
}

SocketConnection& Loop::make_connection(ConnectionGroup& group, std::unique_ptr<Protocol> protocol,
                                        const std::optional<AddressKey>& key) {
    SocketConnection& made = connections.create(group, std::move(protocol));
    if (key) try {
            group.keys.emplace(made.slot(), *key);
        } catch (...) {
            connections.destroy(made.slot());
            throw;
        }
    ++group.connections;
    ++stats.open;
    hold();
    touched();
    return made;
}

// If memory runs out, no line is logged.
void Loop::ended(const SocketConnection& connection, std::error_code reason) noexcept try {
    if (connection.group().connect && !connection.was_open()) ++stats.connect_errors;
    ++stats.closed_by[static_cast<std::size_t>(close_cause(reason))];
    if (!reason) return;
    const bool failed = reason == errc::handler_failed;
    if (failed) ++stats.handler_failures;
    if (!logs()) return;
    log(failed ? LogLevel::error : LogLevel::debug,
        connection.describe() + ": " +
            (failed ? connection.innermost().failure() : reason.message()));
} catch (const std::bad_alloc&) {
    return;
}

void Loop::gone(SocketConnection& connection) {
    ConnectionGroup& group = connection.group();
    if (group.control) {
        const auto key = group.keys.extract(connection.slot());
        group.control->leave(key ? std::optional(key.mapped()) : std::nullopt);
    }
    if (group.rejecting) --stats.rejecting;
    --stats.open;
    ++stats.closed;
    unhold();
    touched();
    connection.set_next_closed(std::exchange(first_closed_, static_cast<int>(connection.slot())));
    check_again();
    if (connection_gone) connection_gone();
}

void Loop::schedule_end_of_turn(SocketConnection& connection) {
    listed_.push(connections.id(connection.slot()));
    wake_next_turn();
}

void Loop::after_events(std::function<void()> fn) {
    after_events_.push_back(std::move(fn));
    check_again();
}

// Call it only after all events of the turn, because one of them may be for a closed connection.
void Loop::free_gone() {
    while (first_closed_ >= 0) {
        const auto slot = static_cast<std::uint32_t>(first_closed_);
        first_closed_ = connections.at(slot).next_closed();
        ConnectionGroup& group = connections.at(slot).group();
        connections.destroy(slot);
        if (--group.connections == 0 && group.released) groups_.erase(group.self);
    }
    for (const auto& fn : std::exchange(after_events_, {})) fn();
}

void Loop::at_end_of_turn(std::function<void()> fn) {
    if (closed_) return;
    tasks_.push(std::move(fn));
    wake_next_turn();
}

void Loop::forget_users() {
    closed_ = true;
    free_gone();
    tasks_.clear();
    const LogSink log = std::exchange(options_.log, {});
}

void Loop::finish_all(std::error_code reason) {
    connections.for_each([&](SocketConnection& c) { c.end(reason, true); });
}

void Loop::abandon_all() {
    connections.for_each([](SocketConnection& c) { c.abandon(); });
}

void Loop::wake_next_turn() {
    uv_idle_start(&idle_, on_idle);
    touched();
}

void Loop::on_idle(uv_idle_t* idle) {
    Loop& self = *static_cast<Loop*>(idle->data);
    self.before_wait_ = true;
    self.end_turn();
    self.free_gone();
    self.before_wait_ = false;
}

// Work that is added meanwhile, and work that exceeds the budget, is left to the next turn. Otherwise
// connections that keep each other busy would keep the sockets waiting. libuv does not sleep while the idle
// handle is active.
void Loop::end_turn() {
    uv_idle_stop(&idle_);
    listed_.run(kTasksPerTurn, [this](ConnectionId id) {
        if (SocketConnection* c = connections.find(id)) c->process_pending();
    });
    tasks_.run(kTasksPerTurn, [](const std::function<void()>& task) { task(); });
    if (behind_ || !listed_.empty() || !tasks_.empty()) wake_next_turn();
}

int Loop::embed() noexcept {
    embedded_ = true;
    return uv_backend_fd(uv_);
}

// libuv's time stands still between turns, and its result is relative to that time. Held, because libuv
// returns 0 if it has nothing to wait for.
std::optional<std::chrono::milliseconds> Loop::next_timeout() noexcept {
    embedded_ = true;
    uv_update_time(uv_);
    hold();
    const int timeout = uv_backend_timeout(uv_);
    unhold();
    if (timeout < 0) return std::nullopt;
    return std::chrono::milliseconds(timeout);
}

void Loop::wake_host() noexcept {
    if (std::exchange(host_woken_, true)) return;
    uv_async_send(&async);
}

void Loop::hold() noexcept {
    if (holds_++ == 0) uv_ref(keep_alive_handle());
}

void Loop::unhold() noexcept {
    if (--holds_ == 0) uv_unref(keep_alive_handle());
}

void Loop::handle_closed() {
    if (--handles_ == 0 && all_closed_) std::exchange(all_closed_, {})();
}

void Loop::on_closed(uv_handle_t* handle) {
    static_cast<Loop*>(handle->data)->handle_closed();
}

void Loop::close_handles(std::function<void()> all_closed) {
    all_closed_ = std::move(all_closed);
    watches.close();
    free_gone();
    uv_close(reinterpret_cast<uv_handle_t*>(&wheel_timer_), on_closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&idle_), on_closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&check_), on_closed);
}

}  // namespace switchboard::detail
