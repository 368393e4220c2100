// The connections of one load on a reactor.
#pragma once

#include <chrono>
#include <memory>
#include <switchboard/reactor.hpp>

#include "workload.hpp"

namespace switchboard::bench {

struct GroupPlan {
    std::string workload = "echo";
    std::size_t connections = 1;
    std::size_t size = 64;   // bytes per message
    std::size_t reply = 64;  // bytes, where it is not the size
    std::size_t depth = 1;   // messages under way per connection
    bool open_loop = false;
};

// WORKLOAD:CONNECTIONS, with messages of `size` bytes; a slow reader asks for more than sockets hold.
// errc::bad_option for what is no such thing.
Result<GroupPlan> parse_beside(const std::string& text, std::size_t size);

// Outlives the reactor, whose connections count in it.
class LoadGroup {
public:
    // errc::bad_option for what the workload refuses.
    static Result<std::unique_ptr<LoadGroup>> make(const GroupPlan& plan);

    // Begins to connect all to `target`, some at a time; the last one when all others are connected,
    // for there are workloads in which it speaks and the others listen.
    void connect(Reactor& reactor, const Endpoint& target);
    // Whether each has had its first reply or has failed, or nothing has happened for `settle`: some
    // servers never serve them all.
    bool is_ready(std::chrono::milliseconds settle) const;

    Load& load() noexcept { return load_; }
    const Load& load() const noexcept { return load_; }
    const Workload& workload() const noexcept { return *workload_; }
    const GroupPlan& plan() const noexcept { return plan_; }

private:
    LoadGroup(GroupPlan plan, const Pace& pace, std::unique_ptr<Workload> workload);
    void changed();
    bool may_connect() const;
    void connect_one(std::unique_ptr<LoadClient> client);

    GroupPlan plan_;
    std::unique_ptr<Workload> workload_;
    Load load_;
    Reactor* reactor_ = nullptr;
    Endpoint target_;
    ConnectOptions options_;
    bool takes_turns_ = false;  // with source addresses
    std::size_t next_ = 0;      // connection
    std::size_t connects_ = 0;
    Clock::time_point changed_at_{};
};

}  // namespace switchboard::bench
