// A restart that loses nobody: a new process takes the listening sockets from the old one, which then
// drains. A listener's queue belongs to the socket, so whoever waits in it is served by the new one.
//
//     old                                          new
//     offer_takeover(reactor, path, ..., taken)
//                              <- connect          Takeover::begin(path)
//     the sockets, by name     ->                  listens on them: Reactor::listen(socket, ...)
//                                                  offer_takeover(..., takeover.path_socket)
//                              <- ready            takeover.ready()
//     taken(): drains
//
// Until it is told that the new one is ready the old one accepts as before; should the new one end
// before that, nothing has happened. The descriptors go by SCM_RIGHTS (man 7 unix).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <switchboard/peer_credentials.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/socket.hpp>
#include <vector>

namespace switchboard {

// A listening socket, and what it is called between the two: at most 4,000 bytes, without control characters.
struct NamedSocket {
    std::string name;
    Socket socket;
};

// For the new process. Blocking.
class Takeover {
public:
    // From whoever offers its sockets at `path` (a unix endpoint); nothing if nobody does: no such path,
    // or one that is left over. Errors: what connect says, std::errc::permission_denied if that is neither
    // this user's nor root's, errc::unsupported where the system cannot tell, std::errc::timed_out,
    // errc::incomplete_message if it ends too early, std::errc::too_many_files_open, or
    // errc::malformed_message, with what is wrong, from who speaks something else or passes what is no
    // listening socket. Then nothing that came stays open. All of it within `timeout`.
    static Result<std::optional<Takeover>> begin(
        const Endpoint& path, std::chrono::milliseconds timeout = std::chrono::seconds(5));

    // For Reactor::listen() or ReactorGroup::listen(). Those left here are closed with this object;
    // who waits in the queue of one that nobody listens on any more is reset.
    std::vector<NamedSocket> sockets;
    // The socket at `path` itself, for offer_takeover(): the path stays connectable all the time.
    Socket path_socket;
    // Call it once all that was taken is listened on. The old process stops accepting then.
    Result<void> ready();

private:
    Takeover() = default;
    Socket old_;
    std::string tried_;
};

struct TakeoverOptions {
    // Shared with the new process and kept open until the reactor drains or is destroyed.
    std::vector<NamedSocket> sockets = {};
    // Of a takeover, in place of a new one.
    Socket path_socket = {};
    // The new process said that it is ready: time to drain. Once.
    std::function<void(const PeerCredentials&)> taken = {};
};

// Offers the sockets at `path`, whose mode is 0600, to processes of the same user, or of root. Others are
// refused, and so is everybody where the system cannot tell who a peer is. At most 250 sockets.
Result<Listening> offer_takeover(Reactor& reactor, const Endpoint& path, TakeoverOptions options);

}  // namespace switchboard
