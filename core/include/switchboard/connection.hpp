// Connection: what a protocol may do to its peer.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <switchboard/bytes.hpp>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <switchboard/file.hpp>
#include <switchboard/peer_credentials.hpp>
#include <switchboard/security.hpp>
#include <system_error>
#include <vector>

namespace switchboard {

class Protocol;
using Clock = std::chrono::steady_clock;

// Identifies a connection, also after it has ended: Reactor::find(id) then returns null. Slots are reused,
// each time with a new generation, so an id is never reused. A default ConnectionId names no connection.
struct ConnectionId {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    friend auto operator<=>(const ConnectionId&, const ConnectionId&) = default;
};

// Implemented by the reactor, the blocking drivers, every layer and the in-memory driver. Lifetime: valid
// from on_open until on_close returns; do not store it beyond that, and do not delete through it. Threading:
// the driver's thread only. No member runs a callback before it returns, and no member throws.
class Connection {
public:
    // Sends the pieces in order, no later than the end of the turn. Bytes that cannot be sent at once are
    // copied. Up to 64 KiB that one callback writes are sent in one system call. Returns false if the queue
    // is above the high-water mark, or if this callback has written much (more than 64 KiB, or several large
    // pieces): stop writing until on_writable. Also returns false if the connection is closing or has ended;
    // the bytes are then dropped.
    virtual bool write(std::span<const Bytes> pieces) = 0;
    virtual bool write(Bytes piece);  // the same for one piece, which is the most common case
    bool write(std::string_view text) { return write(as_bytes(text)); }
    // Like write(), but does not copy the buffer, unless it is small. Many connections can share one buffer.
    // Its owner is released when the last of them has sent it.
    virtual bool write_shared(SharedBytes buffer) = 0;
    virtual void send_file(FileRange range) = 0;  // in order with the writes before and after it
    virtual void shutdown_write() = 0;            // sends FIN after the queue; reading continues
    // Flushes the queue, bounded by close_timeout. Then on_close(reason), with no callback in between.
    virtual void close(std::error_code reason = {}) = 0;
    // Drops the queue and resets the connection. Then on_close(reason), with no callback in between.
    virtual void abort(std::error_code reason) = 0;
    // Stops on_data and on_eof until resume_reading(). The next turn after that offers unread bytes again.
    virtual void pause_reading() = 0;
    virtual void resume_reading() = 0;
    virtual Clock::time_point now() const = 0;  // the driver's clock; protocols have no other
    // Sets the one deadline of this connection, for on_deadline, which is never called early. Setting it
    // again replaces it. time_point::max() disarms it. Takes O(1).
    virtual void set_deadline(Clock::time_point when) = 0;
    // Replaces the protocol (upgrade). After the running callback returns, the old protocol gets
    // on_close({}), and `next` gets on_open and then the unused bytes. If the connection ends first, or
    // another switch_to() is called first, `next` is destroyed without any callback.
    virtual void switch_to(std::unique_ptr<Protocol> next) = 0;
    // Returns how many written bytes are in memory because the system's socket has not taken them yet,
    // including those in layers below. Files are not counted.
    virtual std::size_t queued() const noexcept = 0;
    // Returns whether close() or abort() was called or the connection is lost. Writes are then dropped.
    virtual bool closing() const noexcept = 0;
    virtual const Endpoint& peer() const = 0;  // most unix peers have no name: "unix:"
    virtual const Endpoint& local() const = 0;
    // Returns the credentials of a unix peer, from the system. Errors: errc::unsupported for other peers and
    // in memory.
    [[nodiscard]] virtual Result<PeerCredentials> peer_credentials() const;
    // Returns what the encrypting layer below has agreed on with the peer, and the peer's certificate.
    // Default: nullopt, which means that the connection is not encrypted. It is made anew by each call.
    virtual std::optional<Security> security() const;
    virtual ConnectionId id() const = 0;
    // Returns the resource that holds this connection and its buffers (ReactorOptions::memory). Default:
    // std::pmr::get_default_resource(). A handler may use it too, on this thread only.
    virtual std::pmr::memory_resource* memory() const noexcept;

protected:
    ~Connection() = default;
};

}  // namespace switchboard
