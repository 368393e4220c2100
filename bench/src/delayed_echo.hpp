// An echo whose delays are known: what a load generator is tried on. Sans-I/O.
#pragma once

#include <deque>
#include <functional>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard::bench {

// Sends back what it gets when it is time for it, in the order it came.
class DelayedEcho final : public Protocol {
public:
    // When what came at a time is to be sent back: not before what came earlier.
    using ReplyAt = std::function<Clock::time_point(Clock::time_point)>;

    explicit DelayedEcho(ReplyAt reply_at) : reply_at_(std::move(reply_at)) {}
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_deadline(Connection& connection) override;

private:
    struct Reply {
        Clock::time_point when;
        std::vector<std::byte> bytes;
    };
    ReplyAt reply_at_;
    std::deque<Reply> replies_;
};

}  // namespace switchboard::bench
