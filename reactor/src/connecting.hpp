// The attempts of one connect of the reactor: Happy Eyeballs on the loop.
#pragma once

#include <uv.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "attempt_plan.hpp"
#include "loop.hpp"

namespace switchboard::detail {

// Belongs to the connection that is to be, and is gone once that is open or closed. The losers are
// closed with it.
class Connecting {
public:
    // `options` must outlive this. At `until` the connect fails with errc::connect_timed_out.
    Connecting(SocketConnection& connection, Loop& loop, Endpoint endpoint,
               const ConnectOptions& options, Clock::time_point until);
    Connecting(const Connecting&) = delete;
    Connecting& operator=(const Connecting&) = delete;
    ~Connecting();

    // `give_up` is called if it ends before the last addresses have come: to cancel a name look-up.
    void looks_up(std::function<void()> give_up) { give_up_ = std::move(give_up); }
    // Tries these as well. With more to come it is not over once all have failed.
    void add(const std::vector<SocketAddress>& addresses, bool more_to_come);
    // Starts what is due, now that time has passed; tells the connection once all have failed.
    void proceed();
    // due() has come. This may be gone afterwards.
    void expired(Clock::time_point now);
    Clock::time_point due() const noexcept { return std::min(plan_.due(), until_); }
    void failed(Error why);  // no attempt is left, or no address: ends the connection
    const Error& error() const noexcept { return error_; }  // why it ended, then

private:
    struct Attempt;

    static void on_poll(uv_poll_t* handle, int status, int events);
    bool ask();
    Error timed_out() const;  // so far
    std::error_code watch(const SocketAddress& address);
    bool ended(Attempt& attempt);

    SocketConnection& connection_;
    Loop& loop_;
    const Endpoint endpoint_;
    const ConnectOptions& options_;
    const Clock::time_point until_;
    AttemptPlan plan_;
    bool more_to_come_ = false;
    std::vector<std::unique_ptr<Attempt>> running_;
    std::function<void()> give_up_;
    Error error_{std::error_code()};
};

}  // namespace switchboard::detail
