// Hot restart without losing a connection: a new process takes the listening sockets from the old process,
// which then drains. The queue of a listener belongs to its socket, so connections that wait in it are
// served by the new process.
//
//     old                                          new
//     offer_takeover(reactor, path, ..., taken)
//                              <- connect          Takeover::begin(path)
//     the sockets, by name     ->                  listens on them: Reactor::listen(socket, ...)
//                                                  offer_takeover(..., takeover.path_socket)
//                              <- ready            takeover.ready()
//     taken(): drains
//
// The old process goes on accepting until the new one says that it is ready. If the new process ends before
// that, nothing changes for the old one. The descriptors are passed by SCM_RIGHTS (man 7 unix).
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

// A listening socket and its name, on which the two processes agree. A name has at most 4,000 bytes and no
// control characters.
struct NamedSocket {
    std::string name;
    Socket socket;
};

// The side of the new process. Its functions block.
class Takeover {
public:
    // Takes the sockets that another process offers at `path`, a unix endpoint. Returns no Takeover if no
    // process offers any: the path does not exist or is left over. Takes at most `timeout`. On an error all
    // received descriptors are closed. Errors: an error of connect(); std::errc::permission_denied if the
    // other process belongs neither to this user nor to root; errc::unsupported if the system cannot tell
    // whose it is; std::errc::timed_out; errc::incomplete_message if the other process ends too early;
    // std::errc::too_many_files_open; errc::malformed_message, with the details, if it speaks another
    // protocol or passes something other than a listening socket.
    [[nodiscard]] static Result<std::optional<Takeover>> begin(
        const Endpoint& path, std::chrono::milliseconds timeout = std::chrono::seconds(5));

    // For Reactor::listen() or ReactorGroup::listen(). Sockets left here are closed with this object. If no
    // process listens on a socket any more, the connections in its queue are reset.
    std::vector<NamedSocket> sockets;
    // The socket at `path` itself, for offer_takeover(). With it the path accepts connects all the time.
    Socket path_socket;
    // Tells the old process to stop accepting. Call it once, when the reactor listens on all taken sockets.
    [[nodiscard]] Result<void> ready();

private:
    Takeover() = default;
    Socket old_;
    std::string tried_;
};

struct TakeoverOptions {
    // Shared with the new process, and kept open until the reactor drains or is destroyed.
    std::vector<NamedSocket> sockets = {};
    // Takeover::path_socket of this process, if it was started by a takeover. Default: a new socket is
    // opened.
    Socket path_socket = {};
    // Called once, when the new process has said that it is ready. Drain now.
    std::function<void(const PeerCredentials&)> taken = {};
};

// Offers at most 250 sockets at `path`, a unix endpoint whose mode is set to 0600. Only processes of the
// same user or of root get them; other processes are refused, and so is every process if the system cannot
// tell whose it is.
[[nodiscard]] Result<Listening> offer_takeover(Reactor& reactor, const Endpoint& path,
                                               TakeoverOptions options);

}  // namespace switchboard
