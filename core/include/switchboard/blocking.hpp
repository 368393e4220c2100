// The blocking drivers: the three classic ways to serve, over the same Protocol as the reactor.
#pragma once

#include <atomic>
#include <cstddef>
#include <switchboard/datagram.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/log.hpp>
#include <switchboard/protocol.hpp>
#include <switchboard/socket.hpp>
#include <switchboard/stop.hpp>

namespace switchboard {

// What a server did. Threads may read it while it runs; a process driver counts its children's
// connections, not what they moved.
struct ServeStats {
    std::atomic<std::size_t> accepted{0};
    std::atomic<std::size_t> open{0};
    std::atomic<std::size_t> closed{0};
    std::atomic<std::size_t> cut{0};      // of these, ended by a stop before they had finished
    std::atomic<std::size_t> refused{0};  // past max_connections, or no thread or process to be had
    std::atomic<std::size_t> accept_errors{0};
};

struct ServeOptions {
    Limits limits;
    std::size_t workers = 4;  // of the pools; at least 1
    LogSink log;
    ServeStats* stats = nullptr;  // outlives the call
};

// Each takes over `listener` (a listening socket, see listen()) and serves it until `stop` says drain;
// then closes it at once, so that connects are refused, lets the connections it has finish until
// limits.drain_deadline, ends the rest (errc::stopping) and returns. The listener is closed, not shut
// down: another process that has it too goes on accepting. It is made non-blocking for all who have
// it and stays so: another server may rely on that, as this one does, when a connect is gone again.
// Children are reaped and threads joined by the return; `stop.abort()` skips the wait. A slow client
// delays its own worker only, and never the end. What fails later than the first accept (no
// descriptor, thread, process or memory) costs that connection, is logged, and the server lives on.
//
// The Connection they hand out: write() gathers what one callback writes and blocks until the peer
// takes it or write_stall_timeout passes, so it answers false only once the connection is over, and
// on_drain never comes. Not so under a handler that reads_when_full(): as under the reactor, what
// the peer does not take waits, at most max_queued of it, write() answers false when it must, and
// on_drain comes. send_file() blocks for both. pause_reading() leaves bytes in the socket until the
// deadline or resume_reading(). A connection is used only by the thread or process that serves it.
Result<void> serve_iterative(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                             const ServeOptions& options = {});
// A thread per connection, at most limits.max_connections; past that, connections are closed.
Result<void> serve_threads(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                           const ServeOptions& options = {});
// options.workers threads, at most limits.max_connections, that each accept and serve one connection at a
// time.
Result<void> serve_thread_pool(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                               const ServeOptions& options = {});
// A child process per connection, forked by the accepting process, which must have no other thread
// that matters to the protocol (man 2 fork). Children are a process group of their own.
Result<void> serve_processes(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                             const ServeOptions& options = {});
// options.workers children, at most limits.max_connections, forked before the first accept; one that dies
// is replaced.
Result<void> serve_process_pool(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                                const ServeOptions& options = {});

// Serves one connected blocking socket on this thread until it ends; what the drivers above do for
// each connection, and inetd(8) for a program. Counts and logs it as they do; a null protocol is a
// connection refused.
void serve_connection(Socket socket, std::unique_ptr<Protocol> protocol,
                      const ServeOptions& options = {});

// Serves datagrams on a socket of bind_datagram() or connect_datagram() with one protocol, on this
// thread, until the protocol closes it or `stop` says drain or abort: on_close(errc::stopping), after
// the flush. The socket stays open; it may block or not. As in the reactor datagrams come and go in
// batches, and no error costs the socket; but send() waits for room, at most write_stall_timeout, so it
// answers false only for what was dropped, and on_drain never comes. Answers what the protocol closed
// it with (a handler that throws: errc::handler_failed, and what it threw), or nothing.
Result<void> serve_datagrams(const Socket& socket, std::unique_ptr<DatagramProtocol> protocol,
                             const Stop& stop, const ServeOptions& options = {});

}  // namespace switchboard
