// What a protocol may do to its peer.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <switchboard/bytes.hpp>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <switchboard/file.hpp>
#include <switchboard/peer_credentials.hpp>
#include <system_error>
#include <vector>

namespace switchboard {

class Protocol;
using Clock = std::chrono::steady_clock;

// Names a connection for later, when it may be gone: Reactor::find(id) answers null then. A slot is
// used again, a generation never is. A default one names nothing.
struct ConnectionId {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    friend auto operator<=>(const ConnectionId&, const ConnectionId&) = default;
};

// The reactor, the blocking drivers, every layer and the in-memory driver implement it. Valid from
// on_open until on_close returns; never stored beyond that, never deleted through. For the driver's
// thread alone. No call runs a callback before it returns, and none throws.
class Connection {
public:
    // Takes a copy of the pieces, in order, and sends them no later than the end of the turn; what
    // is written in one callback leaves in one system call. False: above the high-water mark (write
    // no more until on_drain), or the connection is closing or gone and the bytes were dropped.
    virtual bool write(std::span<const Bytes> pieces) = 0;
    virtual bool write(Bytes piece);  // the most common case; the same as a span of one
    bool write(std::string_view text) { return write(as_bytes(text)); }
    // The same without a copy: one buffer for many peers, let go when the last has it.
    virtual bool write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) = 0;
    virtual void send_file(FileRange range) = 0;          // in order with the writes around it
    virtual void shutdown_write() = 0;                    // FIN after the queue; reading goes on
    virtual void close(std::error_code reason = {}) = 0;  // flush, bounded by close_timeout; then
    virtual void abort(std::error_code reason) = 0;       // drop the queue, reset the peer; then
                                                          // on_close(reason), and nothing between
    virtual void pause_reading() = 0;                     // no on_data and no on_eof until
    virtual void resume_reading() = 0;          // what was left unread is offered again next turn
    virtual Clock::time_point now() const = 0;  // the driver's clock; protocols have no other
    // One deadline: arming again replaces it, max() disarms it. Never early; O(1).
    virtual void set_deadline(Clock::time_point when) = 0;
    // Upgrade: once the running callback returns, on_close({}) for the old one, on_open for `next`,
    // and the bytes not used yet are offered to it. If the connection ends before that, or another
    // switch comes first, `next` is destroyed without any callback.
    virtual void switch_to(std::unique_ptr<Protocol> next) = 0;
    // Bytes in memory that were written and that the peer's system has not taken yet, those that wait in
    // layers below included. Files are not counted.
    virtual std::size_t queued() const noexcept = 0;
    // Whether close() or abort() was called, or the connection is lost: what is written now is dropped.
    virtual bool closing() const noexcept = 0;
    virtual const Endpoint& peer() const = 0;  // unix peers mostly have no name: "unix:"
    virtual const Endpoint& local() const = 0;
    // Of a unix peer, as the system vouches for them; errc::unsupported for others and in memory.
    virtual Result<PeerCredentials> peer_credentials() const;
    virtual ConnectionId id() const = 0;
    // Where the driver keeps this connection and its buffers (ReactorOptions::memory); by default
    // std::pmr::get_default_resource(). A handler may do the same; for this thread alone.
    virtual std::pmr::memory_resource* memory() const noexcept;

protected:
    ~Connection() = default;
};

}  // namespace switchboard
