// The connections of one load on a reactor.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <switchboard/reactor.hpp>
#include <switchboard/tls.hpp>

#include "workload/workload.hpp"

namespace switchboard::bench {

// Returns the n-th source address for short connections, in turn from 127.0.0.1 to 127.0.0.250: each
// connection leaves a port in TIME_WAIT for a minute, and one address has at most 28,000.
Endpoint source_address(std::size_t n);

struct GroupPlan {
    std::string workload = "echo";
    std::size_t connections = 1;
    std::size_t size = 64;   // bytes per message
    std::size_t reply = 64;  // bytes, if it differs from the size
    std::size_t depth = 1;   // messages in flight per connection
    bool open_loop = false;
    std::shared_ptr<const Script> script = {};  // of the workload script
    bool tls = false;  // the bytes are encrypted; the server's certificate is not verified
};

// Parses WORKLOAD:CONNECTIONS, with messages of `size` bytes; a slow reader asks for more than sockets hold.
// errc::bad_option for invalid text.
Result<GroupPlan> parse_background(const std::string& text, std::size_t size);

// Outlives the reactor, because its connections count in it.
class LoadGroup {
public:
    // errc::bad_option if the workload refuses the plan.
    static Result<std::unique_ptr<LoadGroup>> make(const GroupPlan& plan);

    // Starts connecting to `target`, some at a time. The last one connects when all others have: in some
    // workloads it sends to the others.
    void connect(Reactor& reactor, const Endpoint& target);
    // Whether each has had its first reply or has failed, or nothing has happened for `quiet_period`: some
    // servers never serve them all.
    bool is_ready(std::chrono::milliseconds quiet_period) const;
    // Whether a connection is open, or a connect in progress.
    bool is_alive() const noexcept { return load_.is_alive() || started_ > load_.connects_ended(); }

    Load& load() noexcept { return load_; }
    const Load& load() const noexcept { return load_; }
    const Workload& workload() const noexcept { return *workload_; }

private:
    LoadGroup(GroupPlan plan, const Pace& pace, std::unique_ptr<Workload> workload);
    Result<void> use_tls();
    std::unique_ptr<Protocol> protocol_of(std::unique_ptr<LoadClient> client) const;
    void changed();
    bool may_connect() const;
    void connect_one(std::unique_ptr<LoadClient> client);

    GroupPlan plan_;
    std::unique_ptr<Workload> workload_;
    Load load_;
    Reactor* reactor_ = nullptr;
    Endpoint target_;
    ConnectOptions options_;
    std::optional<tls::Client> tls_;
    bool takes_turns_ = false;  // with source addresses
    std::size_t next_ = 0;      // connection
    std::size_t started_ = 0;   // connects
    Clock::time_point changed_at_{};
};

}  // namespace switchboard::bench
