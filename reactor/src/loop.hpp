// What the parts of a reactor share: the libuv loop, its memory, and the work at the end of a turn.
#pragma once

#include <uv.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <switchboard/reactor.hpp>
#include <typeinfo>
#include <unordered_map>
#include <vector>

#include "accept_control.hpp"
#include "backlog.hpp"
#include "connection_table.hpp"
#include "in_memory_resource.hpp"
#include "made.hpp"
#include "origin.hpp"
#include "platform/ticks.hpp"
#include "socket_connection.hpp"
#include "timing_wheel.hpp"
#include "watch.hpp"

namespace switchboard::detail {

// Which callback it was that took so long.
struct Blame {
    const char* what = "a callback";
    const std::type_info* handler = nullptr;  // of a protocol
    const SocketConnection* whose = nullptr;  // named only when it is worth telling
};

class Loop {
public:
    static constexpr std::size_t kReadBuffer = 64 * 1024;

    Loop(uv_loop_t* host, ReactorOptions options);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    uv_loop_t* uv() noexcept { return uv_; }
    std::pmr::memory_resource* memory() const noexcept { return options_.memory; }
    bool is_own() const noexcept { return uv_ == &own_; }
    Clock::time_point now() const noexcept;  // of this turn
    std::uint32_t tick() const noexcept { return static_cast<std::uint32_t>(uv_now(uv_)); }
    // From the clock and not from the turn's time, which is stale when asked between turns. max()
    // if that far away.
    static Clock::time_point in(std::chrono::milliseconds delay) noexcept;
    // Rounded up, but within the wheel's horizon: what is due may turn out to be later still.
    std::uint32_t tick_at(Clock::time_point when) const noexcept {
        const auto due = std::chrono::ceil<std::chrono::milliseconds>(when.time_since_epoch());
        const std::int64_t ahead = due.count() - static_cast<std::int64_t>(uv_now(uv_));
        // Half the horizon: what is still filed in the past must compare as earlier.
        constexpr std::int64_t most = TimingWheel::kHorizon / 2;
        return tick() + static_cast<std::uint32_t>(std::clamp<std::int64_t>(ahead, 0, most));
    }
    void file(WheelNode& node, std::uint32_t tick);
    // The same, but that one which is filed for an earlier time stays there, and is to be filed again
    // when that comes: a deadline that moves on and on costs a comparison.
    void file_by(WheelNode& node, std::uint32_t tick) {
        if (!node.filed() || static_cast<std::int32_t>(tick - node.tick()) < 0) file(node, tick);
    }

    void log(LogLevel level, const std::string& text) const;
    bool logs() const noexcept { return static_cast<bool>(options_.log); }
    // Runs what a user gave us; what it throws is logged, and the loop lives on.
    template <class Callback>
    void guarded(const char* what, Callback&& callback);

    Origin& make_origin(const Limits& limits, const Site& site);
    Origin& make_origin(const Endpoint& endpoint, ConnectOptions options, const Site& site);
    void release(Origin& origin);
    SocketConnection& make_connection(Origin& origin, std::unique_ptr<Protocol> protocol,
                                      const std::optional<AddressKey>& key = {});
    // Counts the end of a connection and logs it, as the blocking drivers do. on_close follows.
    void ended(const SocketConnection& connection, std::error_code reason) noexcept;
    // Frees a closed connection after the events of this turn.
    void gone(SocketConnection& connection);
    void attend_later(SocketConnection& connection);
    // Once the events of this turn are handled, when none of libuv's can be for what `fn` destroys.
    void after_events(std::function<void()> fn);
    void at_end_of_turn(std::function<void()> fn);  // once
    // Asks for check() after this turn's events.
    void check_again() noexcept { more_to_check_ = true; }
    // Lets go of the log sink and of what waits for the end of the turn; no more of it is taken.
    void forget_users();
    void finish_all(std::error_code reason);  // every connection
    void abandon_all();                       // without a word to protocols or peers

    // libuv looks at its timers only once fewer than 1,024 sockets are ready, or after 48 times that
    // many events: so time is kept in between. From each socket's event, before it is handled:
    // false if keep_time() must be called, which runs what is due and, if time has passed, the turn's end.
    bool keeps_time() const noexcept { return platform::ticks() < look_at; }
    void keep_time();
    // After a callback that is not for bytes: whether it held up the loop. The clock is only looked at
    // when eight milliseconds have passed since the last look; so whoever ran last took the time, but
    // for those eight. Reads are so many that not even that is asked after each: `last` is blamed when the
    // next thing happens.
    void ran(const char* what, const std::type_info* handler = nullptr) {
        if (!keeps_time()) look({what, handler});
    }
    void ran(const SocketConnection& connection) {
        if (!keeps_time()) look(connection.blame());
    }

    // While held, run() goes on: libuv does not see connections that pause, nor the wheel's timers.
    void hold() noexcept;
    void unhold() noexcept;
    bool held() const noexcept { return holds_ > 0; }
    // Whether libuv has come to what was asked of it in the turn before: it has where sockets' events are
    // handled, and not in what runs before it waits.
    bool polled() const noexcept { return in_turn_ && !before_wait_; }

    // For a host that waits for fd() instead of in run(). What is asked of the reactor between turns
    // libuv learns in the next one only: touched() wakes the host for that.
    int embed() noexcept;
    std::optional<std::chrono::milliseconds> next_timeout() noexcept;
    void touched() noexcept {
        if (embedded_ && !in_turn_) wake_host();
    }
    void turn_begins() noexcept {
        in_turn_ = true;
        begin_time();
    }
    // What passed before was nobody's callback.
    void begin_time() noexcept {
        uv_update_time(uv_);
        look_at = 0;
    }
    void turn_ended() noexcept { in_turn_ = host_woken_ = false; }

    // Every handle that is opened counts, until its close callback says so. After let_go(), the last
    // one calls `gone`, which may destroy the loop.
    void handle_opened() noexcept { ++handles_; }
    void handle_closed();
    void let_go(std::function<void()> all_closed);
    uv_handle_t* keep_alive_handle() noexcept { return reinterpret_cast<uv_handle_t*>(&async); }

private:
    uv_loop_t own_;
    uv_loop_t* uv_;

public:
    // What every read and write touches, in one place.
    SocketConnection* current = nullptr;  // whose callback is running
    SocketConnection* last = nullptr;     // whose was the last for bytes in this turn
    std::uint32_t look_at = 0;            // by platform::ticks()
    Scratch scratch;
    ReactorStats stats;
    MutableBytes input(std::size_t size) const noexcept { return {read_buffer->data(), size}; }
    // The kernel copies to the start of a page in less time than to elsewhere. Not initialised, so that
    // only what reads fill takes memory.
    struct alignas(4096) ReadBuffer : std::array<std::byte, kReadBuffer> {};
    std::unique_ptr<ReadBuffer> read_buffer{new ReadBuffer};
    Watches watches;
    ConnectionTable<SocketConnection> connections;
    TimingWheel wheel;
    std::function<void(WheelNode&)> timer_due;  // for nodes of Kind::timer
    std::function<void()> connection_gone;
    bool draining = false;  // who opens is told to stop
    uv_async_t async;       // wakes the loop for posts, and keeps it alive while held

private:
    uv_loop_t* open(uv_loop_t* host);
    static void on_wheel(uv_timer_t* timer);
    static void on_idle(uv_idle_t* idle);
    static void on_closed(uv_handle_t* handle);
    void turn_wheel();
    static void on_check(uv_check_t* check);
    void check(bool late);
    bool look(const Blame& who);  // whether time has passed
    void calibrate();
    void report_stall(std::chrono::milliseconds took, const Blame& who) const noexcept;
    void arm();
    void end_turn();
    void free_gone();
    void wake_next_turn();
    void wake_host() noexcept;

    ReactorOptions options_;
    uv_timer_t wheel_timer_;
    uv_check_t check_;              // after the events of a turn
    std::uint32_t ticks_at_ = 0;    // of the last calibration
    std::uint64_t time_at_ = 0;     // the clock then, in nanoseconds; 0: never
    std::uint32_t look_every_ = 1;  // ticks; too often, until it is known better
    bool more_to_check_ = false;    // check() has more to do than on_check()
    std::uint64_t looks_ = 0;
    std::chrono::milliseconds turn_{};  // how long this one has taken, as far as was looked
    uv_idle_t idle_;  // active while there is work for the end of the turn, so that no turn waits
    std::uint32_t armed_ = 0;
    bool turning_ = false;
    bool closed_ = false;  // forget_users() was called
    bool behind_ = false;  // the wheel: entries are due that a turn's budget left over
    bool embedded_ = false;
    bool in_turn_ = false;
    bool before_wait_ = false;
    bool host_woken_ = false;
    std::list<Origin> origins_;
    Backlog<ConnectionId> listed_;
    int first_closed_ = -1;  // by slot: to be freed
    std::vector<std::function<void()>> after_events_;
    Backlog<std::function<void()>> tasks_;
    std::size_t holds_ = 0;
    std::size_t handles_ = 0;
    std::function<void()> all_closed_;
};

template <class Callback>
void Loop::guarded(const char* what, Callback&& callback) {
    try {
        callback();
    } catch (const std::exception& e) {
        log(LogLevel::error, std::string(what) + " threw: " + e.what());
    } catch (...) {
        log(LogLevel::error, std::string(what) + " threw");
    }
    ran(what);
}

}  // namespace switchboard::detail
