// A load: the state that its connections share, and when each of them sends. Sans-I/O; one thread.
#pragma once

#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <switchboard/protocol.hpp>
#include <vector>

#include "load/tally.hpp"

namespace switchboard::bench {

class LoadClient;

// When the connections of a load send requests.
struct Pace {
    // Most requests in flight per connection. With 0 each connection sends one request when it is connected,
    // and is idle afterwards.
    std::size_t depth = 1;
    // After so many exchanges the client closes its connection, and a new one takes its place. Then `depth`
    // is 1, and the first exchange counts from the connect. 0: no limit.
    std::uint64_t per_connection = 0;
    // Requests come by due(), whether or not earlier ones were answered. Otherwise a reply causes the next
    // request at once: a closed loop.
    bool open_loop = false;
};

// Outlives its clients. Each has a number, from 0; a client that replaces another gets its number.
class Load {
public:
    static constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();

    // `clock` is read at most twice per message. It must be finer than the time that a message takes.
    Load(const Pace& pace, std::function<Clock::time_point()> clock);

    // Every client makes one exchange when it is connected and then waits for start(), so that the time in
    // which a server accepts the connections is not measured.
    void start();
    // Open loop: a request is due, or was, at `when`. The connection that has been free for longest takes it;
    // if none is free, the request waits.
    void due(Clock::time_point when);

    // Forgets what was counted before. In a closed loop, the first reply after `length`, or the one that
    // completes `exchanges` in the window, stops the load and calls on_window_end. A timer alone would not
    // do: one turn of libuv's loop handles up to 48 times 1,024 events before it checks its timers. In an
    // open loop the window ends by the clock, and the requests due in it are waited for: on_all_answered is
    // called when each has been answered or has failed.
    void open_window(Clock::duration length, std::uint64_t exchanges = kNoEnd);
    bool all_answered() const noexcept { return awaited_ == 0; }
    Clock::time_point window_ends() const noexcept { return window_ends_; }
    // Gives up the requests of the window that are not answered. They count as unanswered and, in an open
    // loop, with the time that they have waited, in both latencies.
    void give_up();
    // No connection is left: ends the window with the last one that was open, and returns that time.
    Clock::time_point cut_window();
    // Closed loop: nothing more is sent. Replies to requests in flight may still come, but are not counted.
    void end_window();
    // Closed loop: requests in flight on connections that were served in the window.
    std::uint64_t in_flight() const noexcept;
    // Closed loop: a connection counts as starved if it was served in the window and, at its end, has had no
    // reply for half of it or longer, and for at least twice the longest gap of any connection. Its latency
    // includes that time. A window only counts replies, so a server that serves only some of its connections,
    // or stands still, would otherwise look better. Call it once.
    void count_starved();
    void stop() { stopped_ = true; }  // nothing more is sent or counted

    // Counts a client whose connect failed at once, so that no client was made. Does not call on_change.
    void never_started(std::size_t number, const std::string& message);
    // Whether a connection is open, or a replacement for one is connecting.
    bool is_alive() const noexcept;

    std::size_t connects_ended() const noexcept { return connects_ended_; }  // succeeded or failed
    // Connections that have had their first reply, or failed before it.
    std::size_t decided() const noexcept { return decided_; }
    const Pace& pace() const noexcept { return pace_; }
    const Tally& tally() const noexcept { return tally_; }

    // A client has connected, was answered for the first time, or has failed.
    std::function<void()> on_change;
    std::function<void()> on_window_end, on_all_answered;
    // Asks for a connection in place of one that has made its exchanges: connect a client with that number,
    // after LoadClient::created(due).
    std::function<void(std::size_t number, Clock::time_point due)> on_reopen;

    // For clients.
    struct Request {
        Clock::time_point due, sent;
    };
    bool started() const noexcept { return started_; }
    bool stopped() const noexcept { return stopped_; }
    Clock::time_point now() const { return clock_(); }
    void opened(LoadClient& client);
    void closed(LoadClient& client, bool was_open);
    void answered_first();
    void count_bytes(std::size_t count) { tally_.bytes += count; }  // sent or received
    // The client can send one more request. Load calls LoadClient::send_next() for it, perhaps at once.
    void ready(std::size_t number, Clock::time_point now);
    // Returns whether the window goes on; if not, nothing more is to be sent.
    bool count_reply(std::size_t number, const Request& request, Clock::time_point now);
    // Counts `count` exchanges without a latency, and returns the same. In an open loop they are part of an
    // exchange with a latency, and are not counted separately.
    bool count_passed(std::size_t number, std::uint64_t count, Clock::time_point now);
    // Open loop: the request was given up, or its connection has failed. Counts with the time it has waited.
    void count_unanswered(const Request& request, Clock::time_point now);
    void failed(LoadClient& client);          // it makes no more requests
    void lose_reopening(std::size_t number);  // the replacement was not connected
    void count_failure(Failure failure, const std::string& message, bool decides);

private:
    bool in_window(Clock::time_point due) const {
        return due >= window_began_ && due < window_ends_;
    }
    bool send_next(std::size_t number, Clock::time_point due);
    bool end_window_by(std::size_t number, Clock::time_point now);
    void count_served(std::size_t number, Clock::time_point now);
    bool is_there(std::size_t number) const noexcept;
    void count_due_reply(std::size_t number, const Request& request, Clock::time_point now);
    void count_awaited(Clock::time_point now);

    Pace pace_;
    std::function<Clock::time_point()> clock_;
    Tally tally_;
    struct Place {
        LoadClient* open = nullptr;
        Clock::time_point reopening = kNobody;  // when its replacement was due; kNobody: none
    };
    static constexpr Clock::time_point kNobody = Clock::time_point::max();

    struct Served {
        unsigned window = 0;  // the last window in which it was served
        Clock::time_point at{};
    };

    std::vector<Place> places_;              // by number
    std::vector<Served> served_;             // by number
    std::deque<std::size_t> free_;           // numbers, once per request that they can take
    std::deque<Clock::time_point> waiting_;  // requests that wait for a free connection
    Clock::duration slowest_{};  // longest gap between two replies of a connection in the window
    std::size_t connects_ended_ = 0, decided_ = 0;
    std::uint64_t awaited_ = 0;  // due within the window and not answered
    std::uint64_t most_exchanges_ = kNoEnd;
    unsigned window_ = 1;
    Clock::time_point window_began_ = Clock::time_point::max(),
                      window_ends_ = Clock::time_point::max();
    Clock::time_point last_end_{};  // of a connection that was open
    // The last reply to the connection whose next reply ended the window.
    Clock::time_point last_before_end_{};
    bool started_ = false, ended_ = false, stopped_ = false;
};

}  // namespace switchboard::bench
