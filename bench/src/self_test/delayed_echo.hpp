// An echo with known delays, to test a load generator. It does no I/O itself.
#pragma once

#include <deque>
#include <functional>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard::bench {

// Sends back received bytes after a delay, in the order of arrival.
class DelayedEcho final : public Protocol {
public:
    // Returns when to send back the bytes that arrived at a time: never before earlier ones.
    using ReplyAt = std::function<Clock::time_point(Clock::time_point)>;

    explicit DelayedEcho(ReplyAt reply_at) : reply_at_(std::move(reply_at)) {}
    std::size_t on_data(Connection& connection, MutableBytes in) override {
        replies_.push_back({reply_at_(connection.now()), {in.begin(), in.end()}});
        connection.set_deadline(replies_.front().when);
        return in.size();
    }
    void on_deadline(Connection& connection) override {
        while (!replies_.empty() && replies_.front().when <= connection.now()) {
            connection.write(replies_.front().bytes);
            replies_.pop_front();
        }
        if (!replies_.empty()) connection.set_deadline(replies_.front().when);
    }

private:
    struct Reply {
        Clock::time_point when;
        std::vector<std::byte> bytes;
    };
    ReplyAt reply_at_;
    std::deque<Reply> replies_;
};

}  // namespace switchboard::bench
