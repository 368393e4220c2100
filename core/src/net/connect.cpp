#include <switchboard/socket.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "connect_errors.hpp"
#include "happy_eyeballs.hpp"
#include "platform/platform.hpp"
#include "socket_options.hpp"

namespace switchboard {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Until = std::optional<steady_clock::time_point>;  // nullopt: as long as the system waits
using Connected = tl::expected<Socket, std::error_code>;

// Rounded up, so that a wait of this length does not end early and spin.
milliseconds left_until(steady_clock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    return std::max(left, milliseconds(0));
}

// poll(2) counts its wait in an int.
Until deadline_after(milliseconds timeout) {
    if (timeout.count() <= 0) return std::nullopt;
    return steady_clock::now() + std::min(timeout, milliseconds(std::numeric_limits<int>::max()));
}

std::error_code bind_from(const Socket& socket, int family, const SocketOptions& options) {
    const auto addresses = options.from->addresses();
    if (!addresses) return addresses.error().code();
    const auto own = std::find_if(addresses->begin(), addresses->end(),
                                  [&](const SocketAddress& a) { return a.family() == family; });
    if (own == addresses->end())
        return std::make_error_code(std::errc::address_family_not_supported);
    if (options.from->port() == 0) {
        platform::choose_port_late(socket.fd());
    } else {
        detail::set_option(socket.fd(), SOL_SOCKET, SO_REUSEADDR, options.reuse_address);
    }
    if (::bind(socket.fd(), own->data(), own->size()) < 0) return detail::last_error();
    return {};
}

Connected start(const SocketAddress& address, const SocketOptions& options) {
    Socket socket(platform::open_socket(address.family(), SOCK_STREAM, false));
    if (!socket) return tl::unexpected(detail::last_error());
    if (detail::is_inet(address.family()))
        detail::set_option(socket.fd(), IPPROTO_TCP, TCP_NODELAY, options.no_delay);
    if (options.from) {
        if (const auto error = bind_from(socket, address.family(), options))
            return tl::unexpected(error);
    }
    const bool under_way = ::connect(socket.fd(), address.data(), address.size()) == 0 ||
                           errno == EINPROGRESS || errno == EINTR;
    if (!under_way) return tl::unexpected(detail::last_error());
    return socket;
}

// Only a blocking connect can wait while the queue of a unix listener is full. A non-blocking connect fails
// with EAGAIN, and nothing reports when to try again. SO_SNDTIMEO bounds the wait (man 7 socket).
Connected connect_unix(const SocketAddress& address, Until until) {
    Socket socket(platform::open_socket(AF_UNIX, SOCK_STREAM, true));
    if (!socket) return tl::unexpected(detail::last_error());
    do {
        const milliseconds left = until ? left_until(*until) : milliseconds(0);
        if (until && left.count() == 0)
            return tl::unexpected<std::error_code>(errc::connect_timed_out);
        if (!socket.set_timeouts({}, left)) return tl::unexpected(detail::last_error());
        if (::connect(socket.fd(), address.data(), address.size()) == 0) {
            if (!socket.set_timeouts({}, {})) return tl::unexpected(detail::last_error());
            return socket;
        }
    } while (errno == EINTR);
    if (errno == EAGAIN) return tl::unexpected<std::error_code>(errc::connect_timed_out);
    return tl::unexpected(detail::last_error());
}

// The attempts of one connect. The first one that connects wins; the destructor closes the others.
class Race {
public:
    Race(detail::AttemptPlan plan, Until until, const SocketOptions& options)
        : plan_(std::move(plan)), until_(until), options_(options) {}

    Result<Socket> run() {
        while (!plan_.all_failed()) {
            start_due();
            if (auto won = wait()) return std::move(*won);
            if (until_ && !plan_.all_failed() && steady_clock::now() >= *until_)
                return tl::unexpected(plan_.timed_out());
        }
        return tl::unexpected(plan_.error());
    }

private:
    struct Attempt {
        const SocketAddress* address;
        Socket socket;
    };

    void start_due() {
        for (auto now = steady_clock::now(); plan_.due() <= now; now = steady_clock::now()) {
            const SocketAddress& address = plan_.start(now);
            auto socket = start(address, options_);
            if (socket) {
                running_.push_back({&address, std::move(*socket)});
            } else {
                plan_.failed(address, socket.error());
            }
        }
    }

    // Waits until an attempt ends or something is due.
    std::optional<Socket> wait() {
        std::vector<pollfd> entries;
        for (const Attempt& a : running_) entries.push_back({a.socket.fd(), POLLOUT, 0});
        const auto next = std::min(plan_.due(), until_.value_or(steady_clock::time_point::max()));
        constexpr auto most = milliseconds(std::numeric_limits<int>::max());
        const bool forever = next == steady_clock::time_point::max();
        const int wait = forever ? -1 : static_cast<int>(std::min(left_until(next), most).count());
        if (entries.empty() || ::poll(entries.data(), entries.size(), wait) <= 0)
            return std::nullopt;
        for (std::size_t i = entries.size(); i-- > 0;) {
            if (entries[i].revents == 0) continue;
            const auto error = detail::connect_error(running_[i].socket);
            if (!error) return std::move(running_[i].socket);
            plan_.failed(*running_[i].address, error);
            running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
        }
        return std::nullopt;
    }

    detail::AttemptPlan plan_;
    const Until until_;
    const SocketOptions& options_;
    std::vector<Attempt> running_;
};

}  // namespace

Result<Socket> connect(const Endpoint& endpoint, milliseconds timeout,
                       const SocketOptions& options) {
    const std::string tried = detail::connect_attempt(endpoint, options.from);
    if (endpoint.kind() == Endpoint::Kind::udp) return detail::not_a_stream("connect", endpoint);
    if (auto fit = detail::check_from(endpoint, options.from); !fit)
        return tl::unexpected(fit.error());
    const auto addresses = endpoint.resolve();
    if (!addresses) return fail(addresses.error(), tried);
    const Until until = deadline_after(timeout);
    const auto connected = [&]() -> Result<Socket> {
        if (addresses->front().family() == AF_UNIX) {
            auto socket = connect_unix(addresses->front(), until);
            return socket ? Result<Socket>(std::move(*socket)) : fail(socket.error(), tried);
        }
        detail::AttemptPlan plan(endpoint, detail::kAttemptDelay, options.from);
        plan.add(*addresses);
        return Race(std::move(plan), until, options).run();
    };
    auto socket = connected();
    if (!socket) return socket;
    if (const auto set = socket->set_blocking(options.blocking); !set)
        return fail(set.error().code(), tried);
    return socket;
}

Result<Socket> start_connect(const SocketAddress& address, const SocketOptions& options) {
    const Endpoint peer = Endpoint::from(address);
    if (auto fit = detail::check_from(peer, options.from); !fit) return tl::unexpected(fit.error());
    auto socket = start(address, options);
    if (socket) return std::move(*socket);
    return fail(socket.error(), detail::connect_attempt(peer, options.from));
}

}  // namespace switchboard
