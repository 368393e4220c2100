#include <switchboard/takeover.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "impl.hpp"
#include "rights.hpp"

namespace switchboard {
namespace {

using namespace std::chrono_literals;

// One message: this line with the number of descriptors, and a line for the name of each. The first is
// the socket at the path, of no name.
constexpr std::string_view kGreeting = "switchboard-takeover 1 ";
constexpr std::string_view kReady = "ready\n", kTaken = "taken\n";
constexpr std::size_t kMostSockets = 250;
constexpr std::size_t kMostText = 1024 * 1024;
constexpr auto kPatience = 60s;  // for a new process to set itself up

// The other end is of the same user, or of root.
bool is_trusted(const PeerCredentials& who) {
    return who.uid == ::geteuid() || who.uid == 0;
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
        if (who) who_ = *who;
        if (who && !is_trusted(*who))
            return c.abort(std::make_error_code(std::errc::permission_denied));
        c.set_deadline(c.now() + kPatience);
        if (const auto sent = send(c); !sent) c.abort(sent.error());
    }

    std::size_t on_data(Connection& c, MutableBytes in) override {
        if (in.size() < kReady.size() && kReady.starts_with(as_text(in))) return 0;
        if (as_text(in) != kReady || offered_->taken) {
            c.abort(errc::malformed_message);
            return in.size();
        }
        // At once: it may have gone while this process was busy, and then it has not taken over.
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
        const auto path = offered_->reactor.share(offered_->path);
        if (!path) return tl::unexpected(path.error());
        std::vector<int> descriptors{path->fd()};
        std::string names = "\n";
        for (const NamedSocket& each : offered_->options.sockets) {
            descriptors.push_back(each.socket.fd());
            names += each.name + "\n";
        }
        const std::string text =
            std::string(kGreeting) + std::to_string(descriptors.size()) + "\n" + names;
        return socket(c).send_rights(as_bytes(text), descriptors);
    }
    static detail::SocketConnection& socket(Connection& c) {
        return static_cast<detail::SocketConnection&>(c);
    }

    std::shared_ptr<Offered> offered_;
    PeerCredentials who_{};
};

Result<void> check_names(const std::vector<NamedSocket>& sockets, const std::string& tried) {
    if (sockets.size() > kMostSockets)
        return fail(errc::bad_option, tried + ": at most 250 sockets");
    for (const NamedSocket& each : sockets) {
        if (each.name.find('\n') != std::string::npos)
            return fail(errc::bad_option, tried + ": a name of two lines");
    }
    return {};
}

// The lines of what came, once all of them are there.
std::optional<std::vector<std::string>> names_in(std::string_view text, std::size_t sockets) {
    std::vector<std::string> names;
    const auto next = [&text]() -> std::optional<std::string> {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        std::string line(text.substr(0, end));
        text.remove_prefix(end + 1);
        return line;
    };
    if (!next()) return std::nullopt;  // the greeting
    for (std::size_t i = 0; i < sockets; ++i) {
        auto name = next();
        if (!name) return std::nullopt;
        names.push_back(std::move(*name));
    }
    return names;
}

bool greets(std::string_view text, std::size_t sockets) {
    return text.starts_with(std::string(kGreeting) + std::to_string(sockets) + "\n");
}

// Never zero, which would be for ever.
std::chrono::milliseconds left(Clock::time_point deadline) {
    const auto time = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    return std::max(time, std::chrono::milliseconds(1));
}

// Reads what the old process sends: the sockets, and their names in the same order.
Result<std::vector<NamedSocket>> receive_sockets(Socket& old, Clock::time_point deadline,
                                                 const std::string& tried) {
    std::string text;
    std::vector<Socket> sockets;
    std::array<std::byte, 4096> in{};
    for (;;) {
        if (const auto set = old.set_timeouts(left(deadline), left(deadline)); !set)
            return fail(set.error(), tried);
        const auto got = detail::receive_rights(old.fd(), in, sockets);
        if (!got && got.error() == std::errc::operation_would_block)
            return fail(std::make_error_code(std::errc::timed_out), tried);
        if (!got) return fail(got.error(), tried);
        if (*got == 0) return fail(errc::incomplete_message, tried);
        text += as_text(Bytes(in).first(*got));
        if (text.size() > kMostText || !greets(text, sockets.size()))
            return fail(errc::malformed_message, tried + ": it offers no sockets");
        const auto names = names_in(text, sockets.size());
        if (!names) continue;
        std::vector<NamedSocket> named;
        for (std::size_t i = 0; i < sockets.size(); ++i)
            named.push_back({(*names)[i], std::move(sockets[i])});
        return named;
    }
}

}  // namespace

Result<std::optional<Takeover>> Takeover::begin(const Endpoint& path,
                                                std::chrono::milliseconds timeout) {
    const std::string tried = "take over from " + path.to_string();
    if (path.kind() != Endpoint::Kind::unix_path)
        return fail(errc::bad_endpoint, tried + ": not a unix endpoint");
    const auto deadline = Clock::now() + timeout;
    auto old = connect(path, timeout);
    if (!old && (old.error() == std::errc::no_such_file_or_directory ||
                 old.error() == std::errc::connection_refused))
        return std::nullopt;
    if (!old) return fail(old.error(), tried);
    const auto who = old->peer_credentials();
    if (who && !is_trusted(*who))
        return fail(std::make_error_code(std::errc::permission_denied),
                    tried + ": it is of user " + std::to_string(who->uid));
    auto sockets = receive_sockets(*old, deadline, tried);
    if (!sockets) return tl::unexpected(sockets.error());
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
    how.limits.max_connections = 16;
    if (!path.is_abstract()) how.path_mode = 0600;
    Socket taken = std::move(options.path_socket);
    const auto offered = std::make_shared<Offered>(Offered{reactor, std::move(options)});
    const auto factory = [offered] { return std::make_unique<Offer>(offered); };
    const auto listening = taken ? reactor.listen(std::move(taken), path, factory, how)
                                 : reactor.listen(path, factory, how);
    if (!listening) return fail(listening.error(), tried);
    offered->path = listening->id;
    reactor.impl().on_drain[offered.get()] = [offered] { offered->options.sockets.clear(); };
    return *listening;
}

}  // namespace switchboard
