// The blocking drivers: servers without an event loop (iterative, a thread or a process per connection, and
// pools of either). They run the same Protocols as the reactor.
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

// Counts of a server, which includes its child processes. Threading: any thread may read them while the
// server runs.
struct ServeStats {
    std::atomic<std::size_t> accepted{0};
    std::atomic<std::size_t> open{0};
    std::atomic<std::size_t> closed{0};
    std::atomic<std::size_t> aborted_by_stop{0};  // of those closed: with errc::stopping
    // Closed without being served: max_connections was reached, the factory returned null or threw, or no
    // thread, process or memory was available.
    std::atomic<std::size_t> refused{0};
    std::atomic<std::size_t> accept_errors{0};
};

struct ServeOptions {
    // max_connections, accept_retry_delay and drain_timeout apply. Errors: errc::unsupported if
    // max_per_address or accepts_per_second is set, because only a reactor applies them.
    ServerLimits server = {};
    ConnectionLimits connection = {};  // of each accepted connection
    std::size_t workers = 4;           // of the pools; 0 counts as 1
    LogSink log;
    ServeStats* stats = nullptr;  // must outlive the call
};

struct DatagramServeOptions {
    DatagramLimits limits = {};
    LogSink log = {};
};

// Each driver takes ownership of `listener` (a listening socket, see listen()) and serves it until `stop`
// drains. Then it closes the listener at once, so that connects are refused. Handlers get on_shutdown, idle
// connections are closed, and the others may finish until drain_timeout. Connections that are left are
// aborted with errc::stopping, and the call returns. stop.abort() skips the wait. When the call returns,
// threads are joined and children are reaped. A slow client delays only its own worker, and never the end.
//
// The listener is closed, not shut down: another process that has it goes on accepting. It is made
// non-blocking for all processes that have it, and stays so.
//
// Errors: std::errc::invalid_argument if `factory` is empty; errc::bad_option or errc::unsupported for
// limits; the error of the system if there is no descriptor, thread or process at the start; the error of a
// listener that cannot be used. A later lack of descriptors, threads, processes or memory costs single
// connections and is logged; the server goes on.
//
// The thread that serves a connection blocks while it waits for input. The Connection is the same as in the
// reactor: output that the peer does not take is queued, write() returns false above high_water, on_writable
// follows, and the handler gets no input meanwhile. There is one difference. If a handler goes on writing
// until more than max_write_buffer is queued, write() blocks until the peer takes some, and aborts the
// connection only after write_stall_timeout without progress. If the handler reads_under_backpressure(),
// write() does not block, and the connection is aborted at once, as in the reactor. Threading: only the
// thread or process that serves a connection may use it.
//
// serve_iterative() serves one connection at a time, on the calling thread.
[[nodiscard]] Result<void> serve_iterative(Socket listener, const ProtocolFactory& factory,
                                           const Stop& stop, const ServeOptions& options = {});
// One thread for each connection, at most max_connections at once. Further connections are closed.
[[nodiscard]] Result<void> serve_threads(Socket listener, const ProtocolFactory& factory,
                                         const Stop& stop, const ServeOptions& options = {});
// A pool of options.workers threads (at most max_connections). Each accepts and serves one connection at a
// time; further clients wait in the backlog.
[[nodiscard]] Result<void> serve_thread_pool(Socket listener, const ProtocolFactory& factory,
                                             const Stop& stop, const ServeOptions& options = {});
// One child process for each connection, at most max_connections at once. Further connections are closed. The
// calling process should have no other threads: a forked child has only the calling thread, and a lock that
// another thread held stays locked in it (man 2 fork). Handlers of different connections share no state,
// because each child has a copy. Each child is a process group of its own.
[[nodiscard]] Result<void> serve_processes(Socket listener, const ProtocolFactory& factory,
                                           const Stop& stop, const ServeOptions& options = {});
// A pool of options.workers children (at most max_connections), forked before the first accept. A child that
// dies is replaced.
[[nodiscard]] Result<void> serve_process_pool(Socket listener, const ProtocolFactory& factory,
                                              const Stop& stop, const ServeOptions& options = {});

// Serves one connected socket on this thread until the connection ends, for example a socket that inetd(8)
// passes to a program. Makes it blocking. Counts and logs as the drivers above do for each connection. If
// `protocol` is null, the connection is refused.
void serve_connection(Socket socket, std::unique_ptr<Protocol> protocol,
                      const ServeOptions& options = {});

// Serves a datagram socket (see bind_datagram() and connect_datagram()) with one protocol, on this thread,
// until the protocol closes it or `stop` drains or aborts: then on_close(errc::stopping), after the queue is
// flushed. The socket is not closed; it may be blocking or non-blocking. As in the reactor, datagrams are
// received and sent in batches, and no error of a datagram ends the socket. Unlike there, send() waits until
// the socket takes the queue, at most for write_stall_timeout. It returns false only for a datagram that is
// dropped, or that alone, with the 64 bytes it counts for besides its own, exceeds high_water. Errors:
// std::errc::wrong_protocol_type, errc::bad_option, or the reason that the protocol closed with, other than
// errc::stopping; if a handler throws, errc::handler_failed and what was thrown.
[[nodiscard]] Result<void> serve_datagrams(const Socket& socket,
                                           std::unique_ptr<DatagramProtocol> protocol,
                                           const Stop& stop,
                                           const DatagramServeOptions& options = {});

}  // namespace switchboard
