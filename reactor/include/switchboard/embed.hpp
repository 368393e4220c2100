// Runs a reactor inside another event loop (poll, epoll, GLib, Asio), instead of run().
#pragma once

#include <chrono>
#include <optional>

namespace switchboard {

class Reactor;

// The host calls run_ready() on the reactor's thread whenever poll_fd() is readable or next_timeout() has
// passed. A request that the program makes between two turns (a timer, a connect, a write) makes poll_fd()
// readable, so a host that has already called next_timeout() is not late. Only for a reactor with its own
// loop: a reactor on a libuv loop of the host needs none of this.

// Returns a descriptor for poll(2) and similar calls. It belongs to the reactor: do not read, write or close
// it.
int poll_fd(Reactor& reactor) noexcept;
// Returns how long the host may wait. Empty: until poll_fd() is readable.
std::optional<std::chrono::milliseconds> next_timeout(Reactor& reactor) noexcept;
// Runs one turn, without waiting. Returns whether something is left that would keep run() from returning.
bool run_ready(Reactor& reactor);

}  // namespace switchboard
