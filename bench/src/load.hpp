// A load: what its connections share, and when each of them asks. Sans-I/O; one thread.
#pragma once

#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <switchboard/protocol.hpp>
#include <vector>

#include "tally.hpp"

namespace switchboard::bench {

class LoadClient;

// When the connections of a load ask.
struct Pace {
    // Requests under way per connection, at most. With 0 each connection asks once, when it is
    // connected, and is idle from then on.
    std::size_t depth = 1;
    // After so many exchanges the client closes its connection, and a new one takes its place; then
    // `depth` is 1, and the first exchange counts from the connect. 0: no end.
    std::uint64_t per_connection = 0;
    // Requests come by due(), whether or not earlier ones were answered. Else who was answered asks
    // again at once: a closed loop.
    bool open_loop = false;
};

// It outlives its clients. Each has a number from 0; one that takes the place of another has the same.
class Load {
public:
    static constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();

    // `clock` is asked twice a message at most; it must be finer than a message takes.
    Load(const Pace& pace, std::function<Clock::time_point()> clock);

    // Every client makes one exchange when it is connected and then waits for start(), so that
    // a server that is slow to take connections is not measured while it does so.
    void start();
    // Open loop: a request is due, or was, at `when`. The connection that has been free for longest
    // takes it; while none is, it waits.
    void due(Clock::time_point when);

    // What was counted before is forgotten. In a closed loop the first reply that comes `length` from
    // now or later, or the one that makes `exchanges` in the window, stops the load and calls
    // on_window_end. A timer alone would not do: one turn of libuv's loop takes up to 48 times 1,024
    // events before it looks at its timers. In an open loop the window ends by the clock, and what was
    // due in it is waited for: on_settled is called once all of that has been answered or has failed.
    void open_window(Clock::duration length, std::uint64_t exchanges = kNoEnd);
    bool settled() const noexcept { return awaited_ == 0; }
    Clock::time_point window_ends() const noexcept { return window_ends_; }
    // Open loop: what is not answered yet of the window never will be. It counts as unanswered, and
    // with the time that it has waited, in both latencies.
    void give_up();
    // Closed loop: who was served in the window, and at its end has had no reply for half of it or longer,
    // and for twice as long as any connection had to wait for its next, counts as stuck, and with that time
    // in the latency. A window has only replies to tell of, so a server that turns to some of its
    // connections alone would look the better for it. Where nobody had a reply for so long it stands still,
    // which is no such choice: then it is in the latency alone. Call it once.
    void count_stuck();
    void stop() { stopped_ = true; }  // nothing is sent or counted any more

    // Counts a client whose connect failed at once, so that it never was; no on_change.
    void never_started(std::size_t number, const std::string& message);
    // Whether a connection is open, or one that takes another's place is on its way.
    bool is_alive() const noexcept;

    std::size_t connects_ended() const noexcept { return connects_ended_; }  // well or not
    // Connections that had their first reply, or failed before it.
    std::size_t decided() const noexcept { return decided_; }
    const Pace& pace() const noexcept { return pace_; }
    const Tally& tally() const noexcept { return tally_; }

    // A client has connected, answered for the first time, or failed.
    std::function<void()> on_change;
    std::function<void()> on_window_end, on_settled;
    // A connection is wanted in the place of one that has made its exchanges: connect a client of that
    // number, after LoadClient::born(due).
    std::function<void(std::size_t number, Clock::time_point due)> on_reopen;

    // For clients.
    struct Asked {
        Clock::time_point due, sent;
    };
    bool started() const noexcept { return started_; }
    bool stopped() const noexcept { return stopped_; }
    Clock::time_point now() const { return clock_(); }
    void opened(LoadClient& client);
    void closed(LoadClient& client, bool was_open);
    void answered_first();
    // Has room for one more request. It is told by LoadClient::give(), perhaps at once.
    void offer(std::size_t number, Clock::time_point now);
    // Whether the window goes on; else nothing more is to be sent.
    bool count_reply(std::size_t number, const Asked& asked, Clock::time_point now);
    // Whether `count` exchanges without a latency are within it. Of an open loop they are part of one that
    // has a latency, and not counted by themselves.
    bool count_passed(std::size_t number, std::uint64_t count, Clock::time_point now);
    // Given up, or its connection has failed. Counts with the time it has waited. Of an open loop.
    void count_unanswered(const Asked& asked, Clock::time_point now);
    void failed(LoadClient& client);          // it makes no more requests
    void lose_reopening(std::size_t number);  // who was to take that place was not connected
    void count_failure(Failure failure, const std::string& message, bool decides);

private:
    bool in_window(Clock::time_point due) const {
        return due >= window_began_ && due < window_ends_;
    }
    bool give(std::size_t number, Clock::time_point due);
    bool end_window(std::size_t number, Clock::time_point now);
    void count_served(std::size_t number, Clock::time_point now);
    bool is_there(std::size_t number) const noexcept;
    void count_due_reply(std::size_t number, const Asked& asked, Clock::time_point now);
    void settle_one(Clock::time_point now);

    Pace pace_;
    std::function<Clock::time_point()> clock_;
    Tally tally_;
    struct Place {
        LoadClient* open = nullptr;
        Clock::time_point reopening = kNobody;  // since when one is due that takes its place
    };
    static constexpr Clock::time_point kNobody = Clock::time_point::max();

    struct Served {
        unsigned window = 0;  // the last one in which it was
        Clock::time_point at{};
    };

    std::vector<Place> places_;              // by number
    std::vector<Served> served_;             // by number
    std::deque<std::size_t> free_;           // numbers, once per request there is room for
    std::deque<Clock::time_point> waiting_;  // for one of these
    Clock::duration slowest_{};              // between two replies of a connection, in the window
    Clock::time_point last_reply_{};         // to whichever, counted
    std::size_t connects_ended_ = 0, decided_ = 0;
    std::uint64_t awaited_ = 0;  // due within the window and not answered
    std::uint64_t most_exchanges_ = kNoEnd;
    unsigned window_ = 1;
    Clock::time_point window_began_ = Clock::time_point::max(),
                      window_ends_ = Clock::time_point::max();
    bool started_ = false, stopped_ = false;
};

}  // namespace switchboard::bench
