#include "connecting.hpp"

#include <poll.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "net/socket_options.hpp"

namespace switchboard::detail {
namespace {

// The queue of a unix listener is full. No event reports when it has room again (man 2 connect).
bool is_full(const SocketAddress& address, std::error_code error) {
    return address.family() == AF_UNIX && error == std::errc::resource_unavailable_try_again;
}

bool has_ended(const Socket& socket) {
    pollfd now{socket.fd(), POLLOUT, 0};
    return ::poll(&now, 1, 0) > 0;
}

}  // namespace

struct Connecting::Attempt {
    Connecting* race;
    const SocketAddress& address;
    Socket socket;
};

Connecting::Connecting(SocketConnection& connection, Loop& loop, Endpoint endpoint,
                       const ConnectOptions& options, Clock::time_point until)
    : connection_(connection),
      loop_(loop),
      endpoint_(std::move(endpoint)),
      options_(options),
      until_(until),
      plan_(endpoint_, options.attempt_delay, options.from) {}

Connecting::~Connecting() {
    for (const auto& loser : running_) loop_.watches.stop(loser->socket.fd());
    if (give_up_) give_up_();
}

void Connecting::add(const std::vector<SocketAddress>& addresses, bool more_to_come) {
    if (!more_to_come) give_up_ = {};
    more_to_come_ = more_to_come;
    plan_.add(addresses);
    proceed();
    connection_.schedule_attempt();
}

void Connecting::proceed() {
    for (auto now = Clock::now(); plan_.due() <= now; now = Clock::now()) {
        const SocketAddress& address = plan_.start(now);
        const auto error = watch(address);
        if (is_full(address, error)) {
            plan_.postpone(now);
        } else if (error) {
            plan_.failed(address, error);
        }
    }
    if (plan_.all_failed() && !more_to_come_) failed(plan_.error());
}

void Connecting::expired(Clock::time_point now) {
    if (ask() || connection_.phase() != Transport::Phase::connecting) return;
    if (plan_.due() <= now) proceed();
    if (connection_.phase() != Transport::Phase::connecting) return;
    if (until_ > now) return connection_.schedule_attempt();
    error_ = timed_out();
    connection_.end(errc::connect_timed_out, true);
}

// Checks the sockets, because their events are not seen while the loop is held up. Returns whether one is
// connected; this object has then been destroyed.
bool Connecting::ask() {
    for (;;) {
        const auto found = std::find_if(running_.begin(), running_.end(),
                                        [](const auto& each) { return has_ended(each->socket); });
        if (found == running_.end()) return false;
        if (ended(**found)) return true;
    }
}

void Connecting::failed(Error why) {
    give_up_ = {};
    error_ = std::move(why);
    connection_.connect_failed();
}

Error Connecting::timed_out() const {
    const Error so_far = plan_.timed_out();
    const bool tried = plan_.has_addresses();
    if (tried && !more_to_come_) return so_far;
    const std::string text = tried ? so_far.message() + "; " : so_far.context() + ": ";
    return {errc::connect_timed_out, text + "name look-up"};
}

std::error_code Connecting::watch(const SocketAddress& address) {
    SocketOptions how;
    how.from = options_.from;
    auto socket = start_connect(address, how);
    if (!socket) return socket.error();
    running_.push_back(std::make_unique<Attempt>(Attempt{this, address, std::move(*socket)}));
    Attempt& made = *running_.back();
    const auto error = loop_.watches.start(made.socket.fd(), UV_WRITABLE, on_poll, &made);
    if (error) running_.pop_back();
    return error;
}

void Connecting::on_poll(uv_poll_t* handle, int, int) {
    auto& attempt = *static_cast<Attempt*>(handle->data);
    SocketConnection& connection = attempt.race->connection_;
    try {
        attempt.race->ended(attempt);
    } catch (const std::bad_alloc&) {
        connection.out_of_memory();
    }
}

// Returns whether the attempt has connected; this object has then been destroyed.
bool Connecting::ended(Attempt& attempt) {
    loop_.watches.stop(attempt.socket.fd());  // so that it can be watched for the connection
    Socket socket = std::move(attempt.socket);
    const SocketAddress& address = attempt.address;
    std::erase_if(running_, [&](const auto& each) { return each.get() == &attempt; });
    const auto error = connect_error(socket);
    if (!error) {
        connection_.connected(std::move(socket), SocketAddress(address));
        return true;
    }
    socket.close();
    plan_.failed(address, error);
    proceed();
    connection_.schedule_attempt();
    return false;
}

}  // namespace switchboard::detail
