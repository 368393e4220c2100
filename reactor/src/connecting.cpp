#include "connecting.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "options.hpp"

namespace switchboard::detail {
namespace {

// The queue of a unix listener is full, and no event tells when it has room (man 2 connect).
bool is_full(const SocketAddress& address, std::error_code error) {
    return address.family() == AF_UNIX && error == std::errc::resource_unavailable_try_again;
}

}  // namespace

// Ends itself once libuv has let go of its handle; the socket may be gone by then.
struct Connecting::Attempt {
    uv_poll_t poll;
    Loop& loop;
    Connecting* race;
    const SocketAddress& address;
    Socket socket;

    void close() {
        uv_poll_stop(&poll);
        socket.close();
        uv_close(reinterpret_cast<uv_handle_t*>(&poll), [](uv_handle_t* handle) {
            const std::unique_ptr<Attempt> self(static_cast<Attempt*>(handle->data));
            self->loop.handle_closed();
        });
    }
};

Connecting::Connecting(SocketConnection& connection, Loop& loop, Endpoint endpoint,
                       const ConnectOptions& options)
    : connection_(connection),
      loop_(loop),
      endpoint_(std::move(endpoint)),
      options_(options),
      plan_(endpoint_, options.attempt_delay, options.from) {}

Connecting::~Connecting() {
    for (Attempt* loser : running_) loser->close();
    if (give_up_) give_up_();
}

void Connecting::add(const std::vector<SocketAddress>& addresses, bool more_to_come) {
    if (!more_to_come) give_up_ = {};
    more_to_come_ = more_to_come;
    plan_.add(addresses);
    proceed();
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
    if (plan_.all_failed() && !more_to_come_) connection_.connect_failed(plan_.error());
}

void Connecting::failed(Error why) {
    give_up_ = {};
    error_ = std::move(why);
}

Error Connecting::timed_out() const {
    const Error so_far = plan_.timed_out();
    const bool tried = plan_.has_addresses();
    if (tried && !more_to_come_) return so_far;
    const std::string text = tried ? so_far.message() + "; " : so_far.tried() + ": ";
    return {errc::connect_timed_out, text + "name look-up"};
}

std::error_code Connecting::watch(const SocketAddress& address) {
    SocketOptions how;
    how.from = options_.from;
    auto socket = start_connect(address, how);
    if (!socket) return socket.error();
    auto made = std::make_unique<Attempt>(Attempt{{}, loop_, this, address, std::move(*socket)});
    if (const int error = uv_poll_init(loop_.uv(), &made->poll, made->socket.fd()))
        return {-error, std::system_category()};
    made->poll.data = made.get();
    loop_.handle_opened();
    uv_poll_start(&made->poll, UV_WRITABLE, on_poll);
    running_.push_back(made.release());
    return {};
}

void Connecting::on_poll(uv_poll_t* handle, int, int) {
    auto& attempt = *static_cast<Attempt*>(handle->data);
    attempt.race->ended(attempt);
}

// The connection it belongs to may end this, with what it is told last.
void Connecting::ended(Attempt& attempt) {
    std::erase(running_, &attempt);
    uv_poll_stop(&attempt.poll);  // so that libuv may watch the socket for the connection
    Socket socket = std::move(attempt.socket);
    const SocketAddress& address = attempt.address;
    attempt.close();
    const auto error = connect_error(socket);
    if (!error) return connection_.connected(std::move(socket), SocketAddress(address));
    socket.close();
    plan_.failed(address, error);
    proceed();
    connection_.schedule_attempt();
}

}  // namespace switchboard::detail
