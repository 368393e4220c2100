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

// Identifies a connection that may be gone later: Reactor::find(id) then returns null. Slots are reused,
// generations are not. A default ConnectionId names no connection.
struct ConnectionId {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    friend auto operator<=>(const ConnectionId&, const ConnectionId&) = default;
};

// Implemented by the reactor, the blocking drivers, every layer and the in-memory driver. Valid from
// on_open until on_close returns: never store it beyond that, never delete through it. Threading: the
// driver's thread only. No call runs a callback before it returns, and none throws.
class Connection {
public:
    // Sends the pieces in order, no later than the end of the turn, and copies what cannot leave at once.
    // Up to 64 KiB that one callback writes leave in one system call. Returns false if the queue is above the
    // high-water mark (stop writing until on_drain), or if the connection is closing or gone and the bytes
    // were dropped.
    virtual bool write(std::span<const Bytes> pieces) = 0;
    virtual bool write(Bytes piece);  // the most common case; the same as a span of one
    bool write(std::string_view text) { return write(as_bytes(text)); }
    // The same without a copy: many peers share one buffer, which is released when the last has it.
    virtual bool write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) = 0;
    virtual void send_file(FileRange range) = 0;  // in order with the writes around it
    virtual void shutdown_write() = 0;            // FIN after the queue; reading goes on
    // Flushes the queue, bounded by close_timeout. Then on_close(reason), with no callback in between.
    virtual void close(std::error_code reason = {}) = 0;
    // Drops the queue and resets the peer. Then on_close(reason), with no callback in between.
    virtual void abort(std::error_code reason) = 0;
    // No on_data and no on_eof until resume_reading(), after which the next turn offers unread bytes again.
    virtual void pause_reading() = 0;
    virtual void resume_reading() = 0;
    virtual Clock::time_point now() const = 0;  // the driver's clock; protocols have no other
    // The one deadline. Setting it again replaces it; time_point::max() disarms it. Never early; O(1).
    virtual void set_deadline(Clock::time_point when) = 0;
    // Upgrade. After the running callback returns, the old protocol gets on_close({}), `next` gets on_open,
    // and then the unused bytes. If the connection ends or another switch comes before that, `next` is
    // destroyed without any callback.
    virtual void switch_to(std::unique_ptr<Protocol> next) = 0;
    // Bytes in memory that were written and that this system's socket has not taken yet, including those in
    // layers below. Files are not counted.
    virtual std::size_t queued() const noexcept = 0;
    // Whether close() or abort() was called, or the connection is lost: writes are now dropped.
    virtual bool closing() const noexcept = 0;
    virtual const Endpoint& peer() const = 0;  // most unix peers have no name: "unix:"
    virtual const Endpoint& local() const = 0;
    // Credentials of a unix peer, from the system. Errors: errc::unsupported for other peers and in memory.
    virtual Result<PeerCredentials> peer_credentials() const;
    virtual ConnectionId id() const = 0;
    // The resource that holds this connection and its buffers (ReactorOptions::memory). Default:
    // std::pmr::get_default_resource(). A handler may use it too, on this thread only.
    virtual std::pmr::memory_resource* memory() const noexcept;

protected:
    ~Connection() = default;
};

}  // namespace switchboard
