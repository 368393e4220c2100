// One connection of a reactor: a non-blocking socket, watched by libuv, that drives a Slot.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <switchboard/slot.hpp>
#include <switchboard/socket.hpp>
#include <typeinfo>
#include <vector>

#include "made.hpp"
#include "output_queue.hpp"
#include "timing_wheel.hpp"

namespace switchboard::detail {

// Which callback it was that took so long.
struct Blame {
    const char* what = "a callback";
    const std::type_info* handler = nullptr;        // of a protocol
    const class SocketConnection* whose = nullptr;  // named only when it is worth telling
};

struct Origin;
class Connecting;
class Loop;

// libuv hands the handle back; as a base of its own it converts to the connection without a lookup.
struct PollHandle {
    uv_poll_t poll;
};

// Idle, it is this object and its protocol: what only some need is in Cold. Its life: connecting (or
// not), open, closing (flush, then perhaps linger), closed; then libuv's close callback frees it.
// Callbacks run inside dispatch(), and what they asked for is done in attend() right afterwards;
// what is asked from elsewhere is done at the end of the turn (Loop::attend_later).
class SocketConnection final : public Connection, private PollHandle, public WheelNode {
public:
    SocketConnection(std::uint32_t slot, Loop& loop, Origin& origin,
                     std::unique_ptr<Protocol> protocol);
    ~SocketConnection();

    void accept(Socket socket, const SocketAddress& peer);  // runs on_open
    // Connects: connect_timeout runs from now on, then come the addresses or an error.
    void connect(const Endpoint& endpoint);
    void looks_up(std::function<void()> give_up);  // called if it ends before the last of them
    void attempt(const std::vector<SocketAddress>& addresses, bool more_to_come = false);
    void connect_failed(Error why);  // on_close comes later
    void schedule_attempt();         // the next one
    void connected(Socket socket, const SocketAddress& peer);
    void expire(Clock::time_point now);  // the wheel came to where it was filed
    void end_of_turn();
    void stop();  // the reactor drains: on_stop comes at the end of the turn
    void finish(std::error_code reason);  // on_close, at once: not from within a callback
    void reset(std::error_code reason);   // the same, and RST for the peer
    void abandon();                       // in a forked child: closes its copy of the socket only
    std::uint32_t slot() const noexcept { return slot_index_; }
    bool is_open() const noexcept { return (flags_ & (kOpen | kClosed)) == kOpen; }
    bool is_closed() const noexcept { return has(kClosed); }
    bool is_paused() const noexcept { return is_open() && slot_.held(); }
    bool is_writable() const noexcept { return is_open() && !has(kNoWrite); }
    std::size_t queued() const noexcept;
    // Over a unix socket; nothing may have been written before. What is not taken of `bytes` follows.
    Result<void> send_rights(Bytes bytes, std::span<const int> descriptors);
    Blame blame() const noexcept;
    std::string describe() const;
    LiveHandle live() const;
    const Site& site() const noexcept;  // of the call that made it

    using Connection::write;
    bool write(std::span<const Bytes> pieces) override;
    bool write(Bytes piece) override;
    bool write_shared(std::shared_ptr<const std::vector<std::byte>> buffer) override;
    void send_file(FileRange range) override;
    void shutdown_write() override;
    void close(std::error_code reason) override;
    void abort(std::error_code reason) override;
    void pause_reading() override;
    void resume_reading() override;
    Clock::time_point now() const override;
    void set_deadline(Clock::time_point when) override;
    void switch_to(std::unique_ptr<Protocol> next) override;
    const Endpoint& peer() const override;
    const Endpoint& local() const override;
    ConnectionId id() const override;
    Result<PeerCredentials> peer_credentials() const override;
    std::pmr::memory_resource* memory() const noexcept override;

private:
    enum Flag : unsigned {
        kOpen = 1 << 0,
        kClosed = 1 << 1,
        kAttention = 1 << 2,  // attend() has something to do
        kListed = 1 << 3,     // for the end of the turn
        kResume = 1 << 4,     // on_resume is due
        kDrain = 1 << 5,      // on_drain is due
        kBlocked = 1 << 6,    // the socket took less than it was offered
        kFile = 1 << 7,       // a file is in the queue
        kShutdown = 1 << 8,   // FIN after the queue
        kFinSent = 1 << 9,
        kEofSeen = 1 << 10,
        kClosing = 1 << 11,     // close() was called
        kAborting = 1 << 12,    // abort() was called, or the socket failed
        kReset = 1 << 13,       // end it with RST
        kLingering = 1 << 14,   // flushed; waits for the peer's FIN, discarding what comes
        kWatched = 1 << 15,     // libuv has the handle
        kQueued = 1 << 16,      // the queue has something, as far as write() is concerned
        kSmallMarks = 1 << 17,  // the scratch holds more than the high-water mark allows
        kUnread = 1 << 18,      // the handler ended it with input before it
        kTimed = 1 << 19,       // has a first_byte_timeout, an idle_timeout or a lifetime
        kAwaited = 1 << 20,     // the peer's first byte
        kNoReason = 1 << 21,    // there was no memory for it
        kStop = 1 << 22,        // on_stop is due
        kDraining = 1 << 23,    // it came, and being idle ends this connection
    };
    static constexpr unsigned kNoWrite = kClosed | kShutdown | kClosing | kAborting;
    static constexpr unsigned kNoScratch = kNoWrite | kQueued | kSmallMarks;
    struct Cold;
    struct DestroyCold {
        void operator()(Cold* cold) const noexcept;
    };

    static void on_poll(uv_poll_t* handle, int status, int events);
    static void on_handle_closed(uv_handle_t* handle);
    static SocketConnection& of(PollHandle* handle) noexcept;
    uv_handle_t* handle() noexcept { return reinterpret_cast<uv_handle_t*>(&poll); }
    Loop& loop() const noexcept { return *static_cast<Loop*>(poll.data); }
    Cold& cold() const;
    OutputQueue& queue() const;

    // socket_connection.cpp: what the socket does
    template <class Callback>
    void dispatch(Loop& l, Callback&& callback);
    template <class Answer>
    void call(Answer (Slot::*callback)(Connection&));
    void after_read();
    std::error_code socket_error() const;
    void other_event(int status, int events);
    void read_ready();
    void read_ended(ssize_t got);
    void offer(std::size_t size);
    void offer_otherwise(std::size_t size);
    void offer_caught() noexcept;
    void offer_rest(std::size_t size, std::size_t used);
    MutableBytes read_bytes(std::size_t size) const noexcept;
    void read_more(ssize_t got);
    Endpoint made_peer() const;
    void report(std::error_code reason) noexcept;
    void let_go();
    void out_of_memory();
    void set_reason(std::error_code reason) noexcept;
    std::error_code reason() const noexcept;
    void request(unsigned flags);
    void at_end_of_turn(unsigned flags);
    void attend();
    void attend_flushed();
    void note_drained();
    bool is_drained() const noexcept;
    bool must_linger() const;
    unsigned wanted() const noexcept;
    void update_interest();
    void schedule(Clock::time_point when);
    void schedule_tick(std::uint32_t due);
    bool expire_io(Clock::time_point now);

    // socket_timeouts.cpp: what a connection may take
    void start_timeouts();
    void note_activity() noexcept;
    std::error_code timeout_over() const noexcept;
    void schedule_timeouts();
    void tell_stop();
    bool is_idle() const noexcept;
    void schedule_idle();

    // socket_connecting.cpp: how it came to be
    std::error_code watch(Socket socket);
    void open();
    Error ending(std::error_code reason) const;
    void remember_peer(const SocketAddress& peer);

    // socket_output.cpp: what is written
    template <class Output>
    bool enqueue(Output&& output) noexcept;
    bool write_otherwise(Bytes piece);
    bool spill(std::span<const Bytes> pieces);
    bool queue_pieces(std::span<const Bytes> pieces);
    bool may_write() const noexcept;
    bool has_scratch() const noexcept;
    bool queued_more();
    bool queue_scratch();
    void sent_short(ssize_t sent, std::size_t size);
    void flush();
    ssize_t send_front(std::size_t& offered);
    void note_progress();
    void broken(std::error_code why);

    void set(unsigned bits) noexcept { flags_ |= bits; }
    void clear(unsigned bits) noexcept { flags_ &= ~bits; }
    bool has(unsigned bits) const noexcept { return (flags_ & bits) != 0; }

    // In an order that leaves no gap: the first two lie in the padding of WheelNode.
    std::uint8_t interest_ = 0;  // what libuv watches for
    std::uint16_t peer_port_ =
        0;         // and peer_ip_: IPv4 in network order, as most peers are, without
    int fd_ = -1;  //               an allocation
    unsigned flags_;
    Slot slot_;
    mutable std::unique_ptr<Cold, DestroyCold> cold_;  // in memory()
    Origin& origin_;
    Clock::time_point deadline_ = Clock::time_point::max();
    std::uint32_t slot_index_;
    std::uint32_t peer_ip_ = 0;
    std::uint32_t opened_at_;      // ticks; before it is open, of when it was made
    std::uint32_t active_at_ = 0;  // ticks, while kTimed
};

// What an idle connection does without.
struct SocketConnection::Cold {
    explicit Cold(std::pmr::memory_resource* memory);
    ~Cold();
    std::pmr::memory_resource* memory() const noexcept { return memory_; }

    std::pmr::memory_resource* memory_;
    OutputQueue queue;
    Endpoint peer, local;
    std::error_code reason;                                   // for on_close, once it is known
    Clock::time_point ends_at = Clock::time_point::max();     // of the connect, or of the close
    Clock::time_point stalled_at = Clock::time_point::max();  // unless queued bytes move on, or
                                                              // the next attempt is due
    std::unique_ptr<Connecting> connecting;                   // until it is open
};

inline OutputQueue& SocketConnection::queue() const {
    return cold().queue;
}

}  // namespace switchboard::detail
