// Connecting: the attempts of one connect of the reactor (Happy Eyeballs, RFC 8305).
#pragma once

#include <uv.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "loop/loop.hpp"
#include "net/happy_eyeballs.hpp"

namespace switchboard::detail {

// Belongs to the connection that is being opened, and is destroyed when that is open or closed. Its
// destructor closes the attempts that are still running.
class Connecting {
public:
    // `options` must outlive this. At `until` the connect fails with errc::connect_timed_out.
    Connecting(SocketConnection& connection, Loop& loop, Endpoint endpoint,
               const ConnectOptions& options, Clock::time_point until);
    Connecting(const Connecting&) = delete;
    Connecting& operator=(const Connecting&) = delete;
    ~Connecting();

    // `give_up` is called if this ends before the last addresses have come. It cancels the name look-up.
    void looks_up(std::function<void()> give_up) { give_up_ = std::move(give_up); }
    // Adds addresses to try. If more are to come, the connect has not failed when all of these have.
    void add(const std::vector<SocketAddress>& addresses, bool more_to_come);
    // Starts the attempts that are due. If all have failed, reports that to the connection.
    void proceed();
    // Call it when due() has passed. It may destroy this object.
    void expired(Clock::time_point now);
    Clock::time_point due() const noexcept { return std::min(plan_.due(), until_); }
    void failed(Error why);  // no attempt or no address is left: ends the connection
    const Error& error() const noexcept { return error_; }  // the argument of failed()

private:
    struct Attempt;

    static void on_poll(uv_poll_t* handle, int status, int events);
    bool ask();
    Error timed_out() const;  // with the errors of the attempts so far
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
