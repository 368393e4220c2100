// What a peer does to a protocol: the one interface that handlers implement.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <switchboard/connection.hpp>
#include <system_error>

namespace switchboard {

class Transport;

// One object per connection, owned by its driver and destroyed after on_close. Sans-I/O: no socket,
// no clock, no thread in here, so that the same object runs on every driver. Callbacks never nest,
// come on one thread, and arrive as
//
//     on_open (on_data | on_drain | on_resume | on_eof | on_deadline | on_stop)* on_close
//
// A connect that fails has on_close alone. What a callback throws costs its own connection, which is
// aborted with errc::handler_failed, and no other.
class Protocol {
public:
    Protocol() = default;
    Protocol(const Protocol&) = delete;
    Protocol& operator=(const Protocol&) = delete;
    virtual ~Protocol() = default;

    virtual void on_open(Connection&) {}

    // Returns how many leading bytes were used. Zero asks for more: the same bytes come again, at the
    // front of a longer `in`. Anything else, and the rest is offered again at once. `in` is never
    // empty, may be rewritten in place, and dies when the call returns. To leave more than max_unread
    // bytes unused costs the connection (errc::message_too_large).
    virtual std::size_t on_data(Connection&, MutableBytes in) = 0;

    virtual void on_drain(Connection&) {}   // the queue fell to the low-water mark: write on
    virtual void on_resume(Connection&) {}  // for layers: offer again what you kept
    virtual void on_eof(Connection& connection) { connection.close(); }  // the peer's FIN; once
    virtual void on_deadline(Connection& connection) {  // the deadline came, and is disarmed
        connection.abort(std::make_error_code(std::errc::timed_out));
    }
    virtual void on_close(std::error_code) noexcept {}  // exactly once, last; {} = orderly

    // The driver drains: the time to say goodbye, or to close. At most once; right after on_open if it
    // drains already. By default nothing: a connection that was accepted is closed as soon as it is idle,
    // that is once no byte has moved for drain_idle, before this callback or after it, and none is queued
    // or unread, reading is not paused, and the handler is not busy. What is still open at drain_deadline
    // is aborted.
    virtual void on_stop(Connection&) {}
    // Whether there is work under way that no byte tells of: a reply that is computed, or asked for
    // elsewhere. Asked when the connection would be closed for being idle.
    virtual bool is_busy() const noexcept { return false; }

    // Whether on_data and on_eof go on while the queue is above the high-water mark. By default not:
    // that bounds a handler that answers what it reads. One whose writes do not come from its reads
    // (a relay, a generator) says true and stops writing by itself. Asked when the mark is passed.
    virtual bool reads_when_full() const noexcept { return false; }

    // For layers alone: the connection that a layer is to the protocol above it. See layer.hpp.
    virtual Transport* above() noexcept { return nullptr; }
};

// Makes the Protocol of one new connection. Null or a throw refuses that connection alone. The
// blocking drivers call it from the thread or process of the connection.
using ProtocolFactory = std::function<std::unique_ptr<Protocol>()>;

}  // namespace switchboard
