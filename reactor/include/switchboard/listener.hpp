// Listeners of a reactor: their options, and functions to close, pause and share them.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <switchboard/id.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/socket.hpp>
#include <system_error>

namespace switchboard {

class Reactor;

struct ListenOptions {
    ServerLimits server = {};
    ConnectionLimits connection = {};      // of each accepted connection
    std::optional<mode_t> path_mode = {};  // of a Unix socket's path; see SocketOptions
    // Sent to clients that are refused because of max_connections or max_per_address, before their
    // connection is closed. At most 16 clients at a time are sent it, for at most a second each; further
    // clients are closed without it. Empty: clients are closed at once.
    std::string reject_message = {};
    // If given, the connections that the listener has accepted and that are open are counted here, for
    // max_connections too, so it must be 0 at first. It may lie in memory that processes share. It must
    // outlive the reactor.
    std::atomic<std::size_t>* count = nullptr;
    // Called when accept fails, usually for lack of descriptors or memory; then accepting pauses for
    // accept_retry_delay.
    std::function<void(std::error_code)> on_accept_error = {};
};

using ListenerId = Id<struct ListenerTag>;

struct Listening {
    ListenerId id;
    Endpoint local;  // with the real port
};

// All functions are for the reactor's thread. They have no effect on a listener that is closed.

// Closes every listener. Their connections stay open.
void stop_accepting(Reactor& reactor);
// While accepting is paused, new connections wait in the backlog. Once that is full, clients wait for as long
// as their system retries (man 2 listen). Pauses are not counted: one resume ends any number of them.
void pause_accepting(Reactor& reactor, ListenerId listener);
void resume_accepting(Reactor& reactor, ListenerId listener);
// Returns a duplicate of the listening socket (man 2 dup), for another process: see takeover.hpp. The port
// stays in use for as long as the duplicate is open. Errors: std::errc::bad_file_descriptor if `listener` is
// closed, or the error of the system.
[[nodiscard]] Result<Socket> share(Reactor& reactor, ListenerId listener);

}  // namespace switchboard
