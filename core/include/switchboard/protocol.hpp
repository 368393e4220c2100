// What a peer does to a protocol: the one interface that handlers implement.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <switchboard/connection.hpp>
#include <system_error>

namespace switchboard {

class Transport;

// One object per connection. The driver owns it and destroys it after on_close. It is sans-I/O: it has no
// socket, clock or thread, so the same object runs on every driver. Callbacks never nest, run on one
// thread, and come in the order
//
//     on_open (on_data | on_drain | on_resume | on_eof | on_deadline | on_stop)* on_close
//
// A connect that fails gets on_close alone. If a callback throws, only its own connection is aborted, with
// errc::handler_failed.
class Protocol {
public:
    Protocol() = default;
    Protocol(const Protocol&) = delete;
    Protocol& operator=(const Protocol&) = delete;
    virtual ~Protocol() = default;

    virtual void on_open(Connection&) {}

    // Returns how many leading bytes were used. Zero asks for more: the same bytes come again, at the
    // front of a longer `in`. After any other number the rest is offered again at once. `in` is never
    // empty, may be modified, and is valid until the call returns. If more than max_unread bytes are left
    // unused, the connection ends with errc::message_too_large.
    virtual std::size_t on_data(Connection&, MutableBytes in) = 0;

    virtual void on_drain(Connection&) {}   // the queue fell to the low-water mark: write on
    virtual void on_resume(Connection&) {}  // for layers: offer kept bytes again
    virtual void on_eof(Connection& connection) { connection.close(); }  // the peer's FIN; once
    virtual void on_deadline(Connection& connection) {  // the deadline has passed and is disarmed
        connection.abort(std::make_error_code(std::errc::timed_out));
    }
    virtual void on_close(std::error_code) noexcept {}  // exactly once, last; {} = orderly

    // The driver drains: say goodbye, or close. Called at most once, right after on_open if the driver
    // already drains. Default: nothing. The driver closes an accepted connection as soon as it is idle: no
    // byte has moved for drain_idle (before or after this callback), none is queued or unread, reading is
    // not paused, and the handler is not busy. Connections still open at drain_deadline are aborted.
    virtual void on_stop(Connection&) {}
    // Whether work is in progress that no byte shows, such as a reply being computed or requested
    // elsewhere. Called before the connection is closed for being idle.
    virtual bool is_busy() const noexcept { return false; }

    // Whether on_data and on_eof continue while the queue is above the high-water mark. Default: false,
    // which bounds a handler that answers what it reads. A handler whose writes do not come from its reads
    // (a relay, a generator) returns true and stops writing by itself. Called when the mark is passed.
    virtual bool reads_when_full() const noexcept { return false; }

    // For layers only: the layer as the connection of the protocol above it. See layer.hpp.
    virtual Transport* above() noexcept { return nullptr; }
};

// Creates the Protocol of one new connection. If it returns null or throws, only that connection is
// refused. Threading: the blocking drivers call it in the connection's own thread or process.
using ProtocolFactory = std::function<std::unique_ptr<Protocol>()>;

}  // namespace switchboard
