// Stream: the peer of a session. Include it by coroutine.hpp.
#pragma once

#include <cassert>
#include <chrono>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <switchboard/coroutine/task.hpp>
#include <switchboard/protocol.hpp>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace switchboard {

// What an await of a Stream gives: a value, or the reason why there is none. Unlike Result it has no text,
// because one is made for each message.
template <class T>
using Awaited = tl::expected<T, std::error_code>;

// The peer of a session: the only argument of a coroutine that serves one connection.
//
//     Task<> shout(Stream& peer) {
//         while (const auto line = co_await peer.read_until("\n")) peer.write(upper(*line));
//     }
//     const auto listening = reactor.listen(endpoint, coroutine(shout));
//
// How a session ends. If it returns, the connection is closed, and its output is sent first. If it throws,
// the connection is aborted with errc::handler_failed. If the connection ends first, for whatever reason, the
// session is destroyed where it waits: its locals are destroyed in order, and nothing after the await runs.
// So no await reports the end of the connection. Clean up in destructors.
//
// Views. Bytes that a read gives are lent: they lie in the driver's buffer, may be modified in place, and are
// valid until the next co_await of any kind. Copy what is needed longer, or use read_into().
//
// At most one read, one drain() and one wait() at a time; any number of sleeps. Two things at once are two
// tasks: see when_all() and first_of(). The session shares the connection's deadline and its pause of reading
// with nobody: do not call set_deadline(), pause_reading() or resume_reading() of connection() in a session.
// Idle, for a drain of the driver (see Protocol::is_busy), is a session that waits in a read. Lifetime: the
// Stream, and every Task that was given it, must not be used after the session. Threading: the driver's
// thread only.
class Stream {
public:
    // Each read waits for input and takes it. Errors:
    //   errc::end_of_input        the peer has sent its FIN, and everything before it was taken
    //   errc::incomplete_message  the FIN came after a part of what was asked for; read_some() gives it
    //   errc::message_too_large   read_until(): no delimiter within `most` bytes; they are still unread
    //   std::errc::timed_out      the deadline has passed; what came before it is still unread
    // After an error the same call fails again, so a loop must end on it. A message that read_exactly() and
    // read_until() give is at most max_read_buffer bytes long (see ConnectionLimits); a longer one ends the
    // connection with errc::message_too_large.

    detail::ReadSome read_some();                 // Awaited<MutableBytes>: one byte or more
    detail::Read read_exactly(std::size_t size);  // Awaited<MutableBytes>
    // Awaited<MutableBytes>: up to the delimiter, which is included. `delimiter` is not empty, and is valid
    // until the await ends.
    detail::Read read_until(std::string_view delimiter, std::size_t most = 8 * 1024);
    // Awaited<void>: fills `whole`, of any size, piece by piece. What an error leaves in it is unspecified,
    // and taken from the input.
    detail::ReadInto read_into(MutableBytes whole);

    // As Connection::write(): sends a copy, no later than the end of the turn. Returns false if drain()
    // should come before the next write. A session that only answers what it reads needs no drain(): the
    // driver stops reading for it.
    bool write(Bytes piece) { return note(connection_->write(piece)); }
    bool write(std::string_view text) { return write(as_bytes(text)); }
    bool write(std::span<const Bytes> pieces) { return note(connection_->write(pieces)); }
    bool write_shared(SharedBytes buffer) {
        return note(connection_->write_shared(std::move(buffer)));
    }
    // After this, drain() waits until the file is sent up to the low-water mark.
    void send_file(FileRange range);
    void shutdown_write() { connection_->shutdown_write(); }

    // Each wait gives Awaited<void>. The only error is std::errc::timed_out: the deadline came first.

    // Waits until the queue is at the low-water mark, if a write has returned false.
    detail::Wait drain();
    detail::Wait sleep_until(Clock::time_point when);  // until the next turn at least
    detail::Wait sleep_for(Clock::duration time);
    // Waits for wake(), or for the driver to drain. Returns at once if either came since the last wait().
    detail::Wait wait();
    // Lets wait() return, in the connection's next turn. Call it from any code on the connection's thread,
    // for example another session of the same reactor, while the session lives.
    void wake();

    // The deadline of every await of this Stream, until it is set again: an await that would wait longer
    // fails with std::errc::timed_out. max() disarms it, as at first.
    void set_deadline(Clock::time_point when);
    void set_timeout(Clock::duration time) { set_deadline(now() + time); }
    Clock::time_point now() const { return connection_->now(); }

    // Whether the driver drains. A session should then finish, and ask for no more.
    bool stopping() const noexcept { return has(kStopping); }
    // See Protocol::reads_under_backpressure(). Default: false. For a session whose writes do not come from
    // its reads; it then needs drain().
    void set_reads_under_backpressure(bool reads) noexcept;

    // As Connection's. The session continues until it next waits, and is destroyed there.
    void close(std::error_code reason = {}) { connection_->close(reason); }
    void abort(std::error_code reason) { connection_->abort(reason); }
    // Makes `next` the protocol of this connection, with the bytes that are unread, as soon as the session
    // returns or waits. It is then destroyed.
    void switch_to(std::unique_ptr<Protocol> next);

    // For peer(), local(), security(), id() and all else that a Stream does not have.
    Connection& connection() noexcept { return *connection_; }

    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

private:
    friend detail::FrameMemory;
    friend detail::Read;
    friend detail::ReadInto;
    friend detail::ReadSome;
    friend detail::Session;
    friend detail::Wait;

    static constexpr unsigned kEof = 1;     // the peer's FIN was reported
    static constexpr unsigned kTail = 2;    // the driver keeps bytes that a read has not taken
    static constexpr unsigned kLate = 4;    // the deadline has passed
    static constexpr unsigned kFull = 8;    // a write has returned false
    static constexpr unsigned kWoken = 16;  // wake() was called, and nobody waited
    static constexpr unsigned kStopping = 32;
    static constexpr unsigned kReadsOn = 64;
    static constexpr unsigned kSwitched = 128;  // another protocol comes next
    static constexpr unsigned kFailed = 256;  // the session has thrown, and it was not reported yet
    // A read must look at these before it waits.
    static constexpr unsigned kOdd = kEof | kTail | kLate;

    Stream() = default;
    ~Stream() = default;
    bool has(unsigned bits) const noexcept { return (flags_ & bits) != 0; }
    void set(unsigned bits) noexcept { flags_ |= bits; }
    void clear(unsigned bits) noexcept { flags_ &= ~bits; }
    bool note(bool below) noexcept {
        if (!below) set(kFull);
        return below;
    }
    bool is_reading() const noexcept { return reader_ != nullptr || read_ != nullptr; }
    void read_on();
    void arm();

    Connection* connection_ = nullptr;
    std::pmr::memory_resource* memory_ = nullptr;  // the connection's, which may change its mind
    MutableBytes window_;                          // during on_data: what is left of its bytes
    detail::Pump* reader_ = nullptr;               // waits for any bytes
    detail::Read* read_ = nullptr;                 // every other read that waits
    detail::Wait* waits_ = nullptr;                // all else that waits
    detail::Wait* due_ = nullptr;                  // waits that are over, and go on now
    Clock::time_point deadline_ = Clock::time_point::max();
    void* spare_ = nullptr;  // the last frame that was freed, for the next one
    unsigned flags_ = 0;
    int why_ = 0;  // why the last read failed: an errc, kTimedOut, or 0
};

}  // namespace switchboard
