// Loop: what the parts of a reactor share. The libuv loop, its memory, and the work at the end of a turn.
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
#include <switchboard/reactor_stats.hpp>
#include <typeinfo>
#include <unordered_map>
#include <vector>

#include "backlog.hpp"
#include "base/pmr_object.hpp"
#include "connection/accept_limits.hpp"
#include "connection/socket_connection.hpp"
#include "connection_group.hpp"
#include "connection_table.hpp"
#include "loop/creation.hpp"
#include "platform/ticks.hpp"
#include "timing_wheel.hpp"
#include "watch.hpp"

namespace switchboard::detail {

// Identifies a callback that took long.
struct CallbackInfo {
    const char* what = "a callback";
    const std::type_info* handler = nullptr;  // the type of the protocol, if there is one
    const SocketConnection* whose = nullptr;  // its text is made only if the callback is logged
    std::string_view label = {};              // of the protocol
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
    Clock::time_point now() const noexcept;  // when this turn began
    std::uint32_t tick() const noexcept { return static_cast<std::uint32_t>(uv_now(uv_)); }
    // Reads the clock, because the turn's time is old between turns. Returns max() if no clock can reach
    // that.
    static Clock::time_point in(std::chrono::milliseconds delay) noexcept;
    // Rounded up, but at most within the wheel's horizon. So a node that expires may be due only later.
    std::uint32_t tick_at(Clock::time_point when) const noexcept {
        const auto due = std::chrono::ceil<std::chrono::milliseconds>(when.time_since_epoch());
        const std::int64_t ahead = due.count() - static_cast<std::int64_t>(uv_now(uv_));
        // Half the horizon, so that nodes that are still filed in the past compare as earlier.
        constexpr std::int64_t most = TimingWheel::kHorizon / 2;
        return tick() + static_cast<std::uint32_t>(std::clamp<std::int64_t>(ahead, 0, most));
    }
    void file(WheelNode& node, std::uint32_t tick);
    // The same, but a node that is filed for an earlier time stays there and must be filed again when it
    // expires. So a deadline that is moved often costs only a comparison.
    void file_by(WheelNode& node, std::uint32_t tick) {
        if (!node.filed() || static_cast<std::int32_t>(tick - node.tick()) < 0) file(node, tick);
    }

    void log(LogLevel level, const std::string& text) const;
    bool logs() const noexcept { return static_cast<bool>(options_.log); }
    // Runs a callback of the user. Exceptions are logged.
    template <class Callback>
    void guarded(const char* what, Callback&& callback);

    ConnectionGroup& make_group(const ConnectionLimits& limits, const SourceLocation& location);
    ConnectionGroup& make_group(const Endpoint& endpoint, ConnectOptions options,
                                const SourceLocation& location);
    void release(ConnectionGroup& group);
    SocketConnection& make_connection(ConnectionGroup& group, std::unique_ptr<Protocol> protocol,
                                      const std::optional<AddressKey>& key = {});
    // Counts the end of a connection and logs it, as the blocking drivers do. Called before on_close.
    void ended(const SocketConnection& connection, std::error_code reason) noexcept;
    // Frees a closed connection after the events of this turn.
    void gone(SocketConnection& connection);
    void schedule_end_of_turn(SocketConnection& connection);
    // Calls `fn` after the events of this turn, when libuv has no event left for what `fn` destroys.
    void after_events(std::function<void()> fn);
    void at_end_of_turn(std::function<void()> fn);  // calls `fn` once
    // Requests a check() after this turn's events.
    void check_again() noexcept { more_to_check_ = true; }
    // Destroys the log sink and the work for the end of the turn. Later work is dropped.
    void forget_users();
    void finish_all(std::error_code reason);  // ends every connection
    void abandon_all();  // the same, without calling protocols and without effect on peers

    // libuv checks its timers only when fewer than 1,024 sockets are ready, or after 48 times that many
    // events. So the loop keeps time in between. Call clock_is_fresh() before handling an event of a socket.
    // If it returns false, call run_due_timers(), which runs the timers that are due and, if time has passed,
    // the work at the end of the turn.
    bool clock_is_fresh() const noexcept { return platform::ticks() < sample_at; }
    void run_due_timers();
    // Called after a callback, except for on_data: checks whether it held up the loop. The clock is sampled
    // at most every 8 ms, so the time is attributed to the last callback with an error of up to 8 ms. Reads
    // are so frequent that even this check would be too expensive; the time of `last` is checked when the
    // next thing happens.
    void after_callback(const char* what) {
        if (!clock_is_fresh()) sample_clock({.what = what});
    }
    void after_callback(const CallbackInfo& who) {
        if (!clock_is_fresh()) sample_clock(who);
    }
    void after_callback(const SocketConnection& connection) {
        if (!clock_is_fresh()) sample_clock(connection.blame());
    }

    // While held, run() does not return. libuv itself does not count paused connections and the wheel's
    // timers.
    void hold() noexcept;
    void unhold() noexcept;
    bool held() const noexcept { return holds_ > 0; }
    // Whether libuv has carried out what was requested in the turn before. It has when events of sockets are
    // handled, and has not in callbacks that run before it waits.
    bool polled() const noexcept { return in_turn_ && !before_wait_; }

    // For a host that waits for poll_fd() itself instead of calling run(). libuv notices requests that are
    // made between turns only in the next turn; touched() wakes the host for it.
    int embed() noexcept;
    std::optional<std::chrono::milliseconds> next_timeout() noexcept;
    void touched() noexcept {
        if (embedded_ && !in_turn_) wake_host();
    }
    void turn_begins() noexcept {
        in_turn_ = true;
        begin_time();
    }
    // The time before this was not spent in a callback.
    void begin_time() noexcept {
        uv_update_time(uv_);
        sample_at = 0;
    }
    void turn_ended() noexcept { in_turn_ = host_woken_ = false; }

    // Counts the open handles: call handle_closed() in the close callback of each. After close_handles(), the
    // last one calls `all_closed`, which may destroy the loop.
    void handle_opened() noexcept { ++handles_; }
    void handle_closed();
    void close_handles(std::function<void()> all_closed);
    uv_handle_t* keep_alive_handle() noexcept { return reinterpret_cast<uv_handle_t*>(&async); }

private:
    uv_loop_t own_;
    uv_loop_t* uv_;

public:
    // The members that every read and write uses are together.
    SocketConnection* current = nullptr;  // its callback is running
    SocketConnection* last = nullptr;     // its on_data was the last in this turn
    std::uint32_t sample_at = 0;          // in platform::ticks()
    CorkBuffer cork_buffer;
    ReactorStats stats;
    MutableBytes input(std::size_t size) const noexcept { return {read_buffer->data(), size}; }
    // Page-aligned, because the kernel copies faster to the start of a page. Not initialised, so that only
    // pages that reads fill take memory.
    struct alignas(4096) ReadBuffer : std::array<std::byte, kReadBuffer> {};
    std::unique_ptr<ReadBuffer> read_buffer{new ReadBuffer};
    Watches watches;
    ConnectionTable<SocketConnection> connections;
    TimingWheel wheel;
    std::function<void(WheelNode&)> timer_due;  // for nodes of Kind::timer
    std::function<void()> connection_gone;
    bool draining = false;  // connections that open get on_shutdown
    uv_async_t async;       // wakes the loop for posts, and keeps it running while held

private:
    uv_loop_t* open(uv_loop_t* host);
    static void on_wheel(uv_timer_t* timer);
    static void on_idle(uv_idle_t* idle);
    static void on_closed(uv_handle_t* handle);
    void turn_wheel();
    static void on_check(uv_check_t* check);
    void check(bool late);
    bool sample_clock(const CallbackInfo& who);  // returns whether time has passed
    void calibrate();
    void report_stall(std::chrono::milliseconds took, const CallbackInfo& who) const noexcept;
    void arm();
    void end_turn();
    void free_gone();
    void wake_next_turn();
    void wake_host() noexcept;

    ReactorOptions options_;
    uv_timer_t wheel_timer_;
    uv_check_t check_;                // after the events of a turn
    std::uint32_t ticks_at_ = 0;      // ticks() at the last calibration
    std::uint64_t time_at_ = 0;       // the clock at that time, in nanoseconds; 0: never
    std::uint32_t sample_every_ = 1;  // ticks; until the first calibration this is too often
    bool more_to_check_ = false;      // on_check() must call check()
    std::uint64_t samples_ = 0;
    std::chrono::milliseconds turn_{};  // duration of this turn until the last sample
    uv_idle_t idle_;  // active while there is work for the end of the turn, so that no turn waits
    std::uint32_t armed_ = 0;
    bool turning_ = false;
    bool closed_ = false;  // forget_users() was called
    bool behind_ = false;  // timers are due that exceeded the budget of a turn
    bool embedded_ = false;
    bool in_turn_ = false;
    bool before_wait_ = false;
    bool host_woken_ = false;
    std::list<ConnectionGroup> groups_;
    Backlog<ConnectionId> listed_;
    int first_closed_ = -1;  // slot of the first closed connection, which must be freed
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
    after_callback(what);
}

}  // namespace switchboard::detail
