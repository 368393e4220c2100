#include <switchboard/takeover.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/deadline.hpp"
#include "net/accept.hpp"
#include "net/fd_passing.hpp"
#include "reactor_impl.hpp"
#include "takeover_message.hpp"

namespace switchboard {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kReady = "ready\n", kTaken = "taken\n";
constexpr auto kPatience = 60s;  // the time a new process has to set itself up

// Checks that the other process belongs to the same user or to root. If the system does not report its user,
// it is not trusted.
Result<void> check_trusted(const Result<PeerCredentials>& who, const std::string& tried) {
    if (!who) return fail(who.error(), tried + ": the user of the other process is unknown");
    if (who->uid == ::geteuid() || who->uid == 0) return {};
    return fail(std::make_error_code(std::errc::permission_denied),
                tried + ": the other process belongs to user " + std::to_string(who->uid));
}

struct Offered {
    Reactor& reactor;
    TakeoverOptions options;
    ListenerId path = {};
    bool taken = false;
};

class Offer final : public Protocol {
public:
    explicit Offer(std::shared_ptr<Offered> offered) : offered_(std::move(offered)) {}

    void on_open(Connection& c) override {
        const auto who = c.peer_credentials();
        if (const auto trusted = check_trusted(who, "takeover"); !trusted)
            return c.abort(trusted.error());
        who_ = *who;
        c.set_deadline(c.now() + kPatience);
        if (const auto sent = send(c); !sent) c.abort(sent.error());
    }

    std::size_t on_data(Connection& c, MutableBytes in) override {
        if (in.size() < kReady.size() && kReady.starts_with(as_text(in))) return 0;
        if (as_text(in) != kReady || offered_->taken) {
            c.abort(errc::malformed_message);
            return in.size();
        }
        // Sent at once and not queued. If the new process has ended while this one was busy, the send fails
        // and nothing was taken over.
        if (const auto sent = socket(c).send_rights(as_bytes(kTaken), {}); !sent) {
            c.abort(sent.error());
            return in.size();
        }
        c.close();
        offered_->taken = true;
        offered_->reactor.close(offered_->path);
        if (offered_->options.taken) offered_->options.taken(who_);
        return in.size();
    }

private:
    Result<void> send(Connection& c) const {
        const auto path = share(offered_->reactor, offered_->path);
        if (!path) return tl::unexpected(path.error());
        std::vector<int> descriptors{path->fd()};
        std::vector<std::string> names;
        for (const NamedSocket& each : offered_->options.sockets) {
            descriptors.push_back(each.socket.fd());
            names.push_back(each.name);
        }
        return socket(c).send_rights(as_bytes(detail::make_takeover(names)), descriptors);
    }
    static detail::SocketConnection& socket(Connection& c) {
        return static_cast<detail::SocketConnection&>(c);
    }

    std::shared_ptr<Offered> offered_;
    PeerCredentials who_{};
};

Result<void> check_names(const std::vector<NamedSocket>& sockets, const std::string& tried) {
    if (sockets.size() > detail::kMostSockets)
        return fail(errc::bad_option,
                    tried + ": at most " + std::to_string(detail::kMostSockets) + " sockets");
    for (const NamedSocket& each : sockets) {
        if (!detail::is_socket_name(each.name))
            return fail(errc::bad_option, tried +
                                              ": the name of a socket is too long, or has "
                                              "control characters");
    }
    return {};
}

// Never zero, which would mean no time-out.
std::chrono::milliseconds left(Clock::time_point deadline) {
    const auto time = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    return std::max(time, std::chrono::milliseconds(1));
}

// Receives descriptors into `sockets` until the message is complete. Returns their names.
Result<std::vector<std::string>> receive_names(Socket& old, Clock::time_point deadline,
                                               std::vector<Socket>& sockets) {
    std::string text;
    std::array<std::byte, 4096> in{};
    for (;;) {
        if (const auto set = old.set_timeouts(left(deadline), left(deadline)); !set)
            return tl::unexpected(set.error());
        const auto got = detail::receive_rights(old.fd(), in, sockets);
        if (!got && got.error() == std::errc::operation_would_block)
            return tl::unexpected(Error(std::make_error_code(std::errc::timed_out)));
        if (!got) return tl::unexpected(got.error());
        if (*got == 0) return tl::unexpected(Error(errc::incomplete_message));
        text += as_text(Bytes(in).first(*got));
        auto names = detail::parse_takeover(text, sockets.size());
        if (!names) return tl::unexpected(names.error());
        if (*names) return std::move(**names);
    }
}

// A socket that does not listen must be refused here. Later the old process may have ended.
Result<void> check_kinds(const std::vector<NamedSocket>& sockets) {
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        const std::string which = "socket " + std::to_string(i);
        const int fd = sockets[i].socket.fd();
        if (const auto good = detail::check_listener(fd, which); !good)
            return fail(errc::malformed_message, good.error().message());
    }
    const auto path = sockets.front().socket.local();
    if (path && path->kind() == Endpoint::Kind::unix_path) return {};
    return fail(errc::malformed_message, "socket 0: not a unix socket");
}

// Receives what the old process sends: the socket at the path, and the sockets that it offers.
Result<std::vector<NamedSocket>> receive_sockets(Socket& old, Clock::time_point deadline) {
    std::vector<Socket> sockets;
    auto names = receive_names(old, deadline, sockets);
    if (!names) return tl::unexpected(names.error());
    std::vector<NamedSocket> named;
    for (std::size_t i = 0; i < sockets.size(); ++i)
        named.push_back({std::move((*names)[i]), std::move(sockets[i])});
    if (const auto good = check_kinds(named); !good) return tl::unexpected(good.error());
    return named;
}

Error within(const std::string& tried, const Error& error) {
    return {error.code(), error.context().empty() ? tried : tried + ": " + error.context()};
}

}  // namespace

Result<std::optional<Takeover>> Takeover::begin(const Endpoint& path,
                                                std::chrono::milliseconds timeout) {
    const std::string tried = "take over from " + path.to_string();
    if (path.kind() != Endpoint::Kind::unix_path)
        return fail(errc::bad_endpoint, tried + ": not a unix endpoint");
    const auto deadline = detail::deadline_after(Clock::now(), timeout);
    auto old = connect(path, timeout);
    if (!old && (old.error() == std::errc::no_such_file_or_directory ||
                 old.error() == std::errc::connection_refused))
        return std::nullopt;
    if (!old) return fail(old.error(), tried);
    if (const auto trusted = check_trusted(old->peer_credentials(), tried); !trusted)
        return tl::unexpected(trusted.error());
    auto sockets = receive_sockets(*old, deadline);
    if (!sockets) return tl::unexpected(within(tried, sockets.error()));
    if (const auto set = old->set_timeouts(timeout, timeout); !set) return fail(set.error(), tried);
    Takeover takeover;
    takeover.path_socket = std::move(sockets->front().socket);
    sockets->erase(sockets->begin());
    takeover.sockets = std::move(*sockets);
    takeover.old_ = std::move(*old);
    takeover.tried_ = tried;
    return takeover;
}

Result<void> Takeover::ready() {
    if (const auto sent = old_.send_all(as_bytes(kReady)); !sent) return fail(sent.error(), tried_);
    std::string answer;
    while (answer.size() < kTaken.size()) {
        std::array<std::byte, 16> in{};
        const auto got = old_.receive(in);
        if (!got && got.error() == std::errc::operation_would_block)
            return fail(std::make_error_code(std::errc::timed_out), tried_);
        if (!got) return fail(got.error(), tried_);
        if (*got == 0) return fail(errc::incomplete_message, tried_);
        answer += as_text(Bytes(in).first(*got));
    }
    if (answer != kTaken) return fail(errc::malformed_message, tried_);
    return {};
}

Result<Listening> offer_takeover(Reactor& reactor, const Endpoint& path, TakeoverOptions options) {
    const std::string tried = "offer a takeover at " + path.to_string();
    if (path.kind() != Endpoint::Kind::unix_path)
        return fail(errc::bad_endpoint, tried + ": not a unix endpoint");
    if (const auto good = check_names(options.sockets, tried); !good)
        return tl::unexpected(good.error());
    ListenOptions how;
    how.server.max_connections = 16;
    if (!path.is_abstract()) how.path_mode = 0600;
    Socket taken = std::move(options.path_socket);
    const auto offered = std::make_shared<Offered>(Offered{reactor, std::move(options)});
    const auto factory = [offered] { return std::make_unique<Offer>(offered); };
    const auto listening = taken ? reactor.listen(std::move(taken), path, factory, how)
                                 : reactor.listen(path, factory, how);
    if (!listening) return fail(listening.error(), tried);
    offered->path = listening->id;
    detail::access(reactor).drain_hooks[offered.get()] = [offered] {
        offered->options.sockets.clear();
    };
    return *listening;
}

}  // namespace switchboard
