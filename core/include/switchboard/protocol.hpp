// Protocol: the interface that handlers implement. Its callbacks report what the peer does.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <switchboard/connection.hpp>
#include <system_error>

namespace switchboard {

class Transport;

// Each connection has its own Protocol object. The driver owns it and destroys it after on_close. It is
// sans-I/O: it has no socket, clock or thread, so the same object runs on every driver. Callbacks never nest,
// run on one thread, and come in the order
//
//     on_open (on_data | on_writable | on_resume | on_eof | on_deadline | on_shutdown)* on_close
//
// If a connect fails, only on_close is called. If a callback throws, only its own connection is aborted, with
// errc::handler_failed.
//
// State shared between connections: one Reactor and serve_iterative() run all handlers on one thread, so
// shared state needs no lock. ReactorGroup, serve_threads() and serve_thread_pool() run handlers of different
// connections at the same time on several threads, so shared state needs a lock or an atomic. Under
// serve_processes() and serve_process_pool() each child process has its own copy of the state: a change is
// seen by that process alone. See examples/guide/shared-state.md.
class Protocol {
public:
    Protocol() = default;
    Protocol(const Protocol&) = delete;
    Protocol& operator=(const Protocol&) = delete;
    virtual ~Protocol() = default;

    virtual void on_open(Connection&) {}

    // Returns how many leading bytes of `in` were used. Zero asks for more: the same bytes come again, at the
    // front of a longer `in`. After any other number the rest is offered again at once. `in` is never empty,
    // may be modified, and is valid until the call returns. Errors: if more than max_read_buffer bytes are
    // left unused, the connection is aborted with errc::message_too_large.
    virtual std::size_t on_data(Connection&, MutableBytes in) = 0;

    // The queue has fallen to the low-water mark, after write() returned false or after send_file().
    virtual void on_writable(Connection&) {}
    virtual void on_resume(Connection&) {}  // for layers: offer the kept bytes again
    // The peer has sent its FIN. Called at most once. Default: closes the connection.
    virtual void on_eof(Connection& connection) { connection.close(); }
    // The deadline has passed and is disarmed. Default: aborts with std::errc::timed_out.
    virtual void on_deadline(Connection& connection) {
        connection.abort(std::make_error_code(std::errc::timed_out));
    }
    // The connection has ended. Called exactly once, as the last callback. {} means an orderly end.
    virtual void on_close(std::error_code) noexcept {}

    // The driver drains. Send a last message or close. Called at most once, right after on_open if the driver
    // already drains. Default: does nothing. The driver closes an accepted connection as soon as it is idle:
    // no byte has moved for drain_idle_timeout (before or after this callback), no byte is queued or unread,
    // reading is not paused, and the handler is not busy. Connections still open at the drain deadline
    // (drain_timeout, or the argument of Reactor::drain()) are aborted.
    virtual void on_shutdown(Connection&) {}
    // Returns whether work is in progress that no byte shows, such as a reply being computed or requested
    // elsewhere. Called before the connection is closed because it is idle. Default: false.
    virtual bool is_busy() const noexcept { return false; }

    // Returns whether on_data and on_eof continue while the queue is above the high-water mark. Called when
    // the queue passes the mark. Default: false, which limits the output of a handler that writes replies to
    // what it reads. A handler whose writes do not result from its reads (a relay, a generator) returns true
    // and stops writing by itself.
    virtual bool reads_under_backpressure() const noexcept { return false; }

    // The name of this protocol in logs and in reports of callbacks that take long: "kv". Default: none; then
    // a report has the name of the C++ type. A layer returns that of the protocol above. The text must live
    // longer than the object, like a literal. Threading: the thread of the connection.
    virtual std::string_view label() const noexcept { return {}; }

    // For layers only: the layer as the connection of the protocol above it. See layer.hpp.
    virtual Transport* above() noexcept { return nullptr; }
};

// Creates the Protocol of one new connection. If it returns null or throws, only that connection is
// refused. Threading: a Reactor calls it on its own thread, and ReactorGroup on the threads of all its
// reactors at the same time; the blocking drivers call it in the connection's own thread or process.
using ProtocolFactory = std::function<std::unique_ptr<Protocol>()>;

}  // namespace switchboard
