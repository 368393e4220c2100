// Transport: the life of one stream connection, for authors of drivers. Layers are in layer.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <switchboard/driver/cork_buffer.hpp>
#include <switchboard/driver/protocol_runner.hpp>
#include <switchboard/limits.hpp>

struct iovec;

namespace switchboard {

// The state machine that all stream drivers share: phases, output and its marks, half-close, close and
// linger, time-outs and graceful shutdown. It has no socket, clock or thread. The driver reports the events
// of its wire (the first group of protected members) and implements the wire (the second). core/README.md
// has a diagram of the phases; connection.hpp says what a handler may rely on.
//
// Callbacks run only inside opened(), received(), received_eof(), writable(), expired(), end_of_turn(),
// settle() and closed(). A callback's requests are carried out after it returns. Requests made at other
// times wait for end_of_turn(). Threading: the driver's thread only.
class Transport : public Connection {
public:
    enum class Phase : std::uint8_t {
        connecting,  // no callback has been called yet
        open,
        closing,    // close() was called: the queue is being flushed
        lingering,  // flushed: waits for the peer's FIN and discards input
        aborting,   // abort() was called, or the wire is lost: end() comes next
        closed,     // on_close was called
    };
    // The result of an attempt to send.
    struct Sent {
        std::uint64_t bytes = 0;
        bool blocked = false;  // the wire is full; the driver calls writable() when it is not
        std::error_code error = {};
    };

    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    Phase phase() const noexcept { return static_cast<Phase>(flags_ & kPhase); }
    bool is_closed() const noexcept { return is(Phase::closed); }
    // The connection that the innermost protocol has, above all layers. Null before its on_open and after
    // on_close.
    Connection* topmost() noexcept;
    // The runner of that protocol, which has the failure to log.
    const ProtocolRunner& innermost() const noexcept;
    // When the earliest timer is due; time_point::max() if no timer runs.
    Clock::time_point next_timeout() const noexcept;

    using Connection::write;
    bool write(std::span<const Bytes> pieces) override;
    bool write_shared(SharedBytes buffer) override;
    void send_file(FileRange range) override;
    void shutdown_write() override;
    void close(std::error_code reason) override;
    void abort(std::error_code reason) override;
    void pause_reading() override;
    void resume_reading() override;
    void set_deadline(Clock::time_point when) override;
    void switch_to(std::unique_ptr<Protocol> next) override;
    std::size_t queued() const noexcept override;
    bool closing() const noexcept override { return runner_.ended(); }

protected:
    Transport(std::unique_ptr<Protocol> protocol, const ConnectionLimits& limits) noexcept;
    ~Transport();

    // ---- Events: the driver calls these as they happen.
    void opened();                        // connected or accepted: on_open
    void received(MutableBytes in);       // on_data; while lingering, `in` is discarded
    void received_eof();                  // the peer's FIN
    void writable();                      // the wire takes bytes again
    void lost(std::error_code why);       // the wire failed; settle() must follow
    void expired(Clock::time_point now);  // next_timeout() has passed
    void stop();                          // the driver drains
    // Does the work that at_end_of_turn() put off. Call it once for each schedule_end_of_turn(), outside of
    // callbacks.
    void end_of_turn();
    // Does the work that callbacks and the wire left. Call it if has(kAttention).
    void settle();
    // The wire is gone: on_close, once. Call it from end().
    void closed(std::error_code reason) noexcept;

    // ---- The wire: the driver implements these. None of them runs a callback, except end().
    virtual const ConnectionLimits& limits() const noexcept = 0;
    virtual Sent transmit(const iovec* pieces, std::size_t count) = 0;
    virtual Sent transmit_file(const FileRange& range, std::uint64_t most) = 0;
    virtual void transmit_fin() noexcept = 0;
    virtual void schedule_end_of_turn() = 0;  // end_of_turn() must be called later, once
    // Ends the connection, with RST or in good order, and calls closed().
    virtual void end(std::error_code reason, bool reset) = 0;
    // The current time. Override it if now() stands still during a turn.
    virtual Clock::time_point clock() const noexcept { return now(); }
    virtual void update_interest() {}       // wants_input() or wants_output() may have changed
    virtual void arm(Clock::time_point) {}  // a timer was set, which may be the earliest
    virtual bool input_waiting() const noexcept { return false; }  // the wire has unread bytes
    // Called before a time-out is judged: reads available input, and offers queued output once more.
    virtual void ask() {}
    // More than max_write_buffer is queued. A driver whose thread may block waits here until the wire takes
    // some.
    virtual void relieve() { flush_all(); }
    // The buffer for output of the running callback of this connection; null without one.
    virtual CorkBuffer* cork_buffer() const noexcept { return nullptr; }
    virtual bool entered() const noexcept { return has(kEntered); }  // its own callback runs
    virtual void begin_callback() { set(kEntered); }
    virtual void end_callback() { clear(kEntered); }  // sends what the callback wrote
    // A request was made outside of this connection's callbacks.
    virtual void asked() { at_end_of_turn(0); }
    // True if no more should be queued for the wire.
    virtual bool is_full() const noexcept { return false; }
    virtual bool is_direct() const noexcept {
        return false;
    }  // output is offered to the wire at once
    // Whether a close waits for the peer's FIN after the last flush.
    virtual bool lingers() const noexcept { return true; }
    virtual void refused() noexcept {}  // a write was dropped
    virtual std::chrono::milliseconds stall_timeout() const noexcept {
        return limits().write_stall_timeout;
    }
    virtual bool ends_when_idle() const noexcept { return true; }  // while the driver drains
    // For how long no byte has moved, as far as the wire knows.
    virtual std::chrono::milliseconds quiet_for() const noexcept { return {}; }

    // ---- What drivers build on.
    // The state that few connections need. A driver with such state of its own derives from it.
    struct RareState;  // rare_state.hpp
    struct DestroyRareState {
        void operator()(RareState* rare) const noexcept;
    };
    virtual RareState* make_rare_state() const;
    RareState& rare_state() const;  // created on first use; throws std::bad_alloc

    enum Flag : unsigned {
        kPhase = 7,
        kAttention = 1U << 3U,  // settle() has something to do
        kListed = 1U << 4U,     // end_of_turn() will be called
        kResume = 1U << 5U,     // on_resume is due
        kDrain = 1U << 6U,      // on_writable is due
        kStop = 1U << 7U,       // on_shutdown is due
        kEntered = 1U << 8U,    // inside a callback; the default of entered()
        kBlocked = 1U << 9U,    // the wire took less than it was offered
        kQueued = 1U << 10U,    // the queue is not empty
        kFile = 1U << 11U,      // a file is queued, or was since the queue was last empty
        kFin = 1U << 12U,       // shutdown_write() was called
        kFinSent = 1U << 13U,
        kEofSeen = 1U << 14U,     // the peer's FIN
        kReset = 1U << 15U,       // the end is a reset
        kNoReason = 1U << 16U,    // memory ran out when the reason was stored
        kSmallMarks = 1U << 17U,  // the cork buffer holds more than the high-water mark allows
        kTimed = 1U << 18U,       // active_at_ is updated when bytes move
        kAwaited = 1U << 19U,     // the peer's first byte has not come
        kDraining = 1U << 20U,    // on_shutdown was called; the connection is closed when idle
        kSpilled = 1U << 21U,     // this callback sent output past the cork buffer
        kDriver = 1U << 24U,      // the first flag that the driver may define
    };
    static constexpr unsigned kNoWrite = kPhase | kFin;
    static constexpr unsigned kNoCork = kNoWrite | kQueued | kSmallMarks;

    void set(unsigned bits) noexcept { flags_ |= bits; }
    void clear(unsigned bits) noexcept { flags_ &= ~bits; }
    bool has(unsigned bits) const noexcept { return (flags_ & bits) != 0; }
    bool is(Phase phase) const noexcept { return this->phase() == phase; }
    void enter(Phase phase) noexcept {
        flags_ = (flags_ & ~unsigned{kPhase}) | static_cast<unsigned>(phase);
    }
    bool may_write() const noexcept { return (flags_ & kNoWrite) == kIsOpen && !runner_.ended(); }
    bool can_cork() const noexcept { return (flags_ & kNoCork) == kIsOpen; }
    bool wants_input() const noexcept;
    bool wants_output() const noexcept {
        return (flags_ & (kQueued | kBlocked)) == (kQueued | kBlocked);
    }
    std::size_t cost() const noexcept;  // of the queue
    bool is_over_full() const noexcept { return cost() > limits().max_write_buffer; }

    void request(unsigned flags);         // for settle() after the running callback, or asked()
    void at_end_of_turn(unsigned flags);  // for end_of_turn()
    void note_activity() noexcept;        // bytes moved, in either direction
    void note_progress();                 // the wire took queued bytes
    void after_read();   // for a driver that gives bytes to the runner itself: call it afterwards
    void offer_again();  // clears kBlocked and flushes, for ask()
    void flush();
    void flush_all();
    void push_out();  // the part of settle() that runs no callback above a layer
    bool write_otherwise(Bytes piece);
    bool queue_pieces(std::span<const Bytes> pieces);
    void send_corked(CorkBuffer& gathered);
    void sent_short(const Sent& sent, const iovec& all);  // queues what the wire did not take
    void drop_output() noexcept;
    void set_reason(std::error_code reason) noexcept;
    std::error_code reason() const noexcept;
    void fail_out_of_memory() noexcept;
    // The time-outs of an open connection: when the first is due, and the error of one that is over.
    Clock::time_point ends_by() const noexcept;
    std::error_code over(Clock::time_point now) const noexcept;
    Clock::time_point in(std::chrono::milliseconds limit) const noexcept;  // from now; 0: never

    static constexpr unsigned kIsOpen = static_cast<unsigned>(Phase::open);

    unsigned flags_ = 0;
    std::uint32_t number_ = 0;  // for the driver; fills padding
    ProtocolRunner runner_;
    mutable std::unique_ptr<RareState, DestroyRareState> rare_;
    Clock::time_point deadline_ = Clock::time_point::max();
    std::uint32_t opened_at_ = 0;  // milliseconds of the clock, modulo 2^32
    std::uint32_t active_at_ = 0;  // the same: when a byte last moved, while kTimed

private:
    template <class Callback>
    void call(Callback&& callback) {
        begin_callback();
        callback();
        end_callback();
    }
    template <class Output>
    bool enqueue(Output&& output) noexcept;
    bool enqueue_rest(const Sent& sent, std::span<const iovec> given);
    bool spill(CorkBuffer* gathered, std::span<const Bytes> pieces);
    bool queue_corked();
    bool queued_more();
    void took(const Sent& sent);
    void tell_stop();
    void after_flush();
    void flushed();
    bool is_drained() const noexcept;
    void start_timeouts();
    void judge(Clock::time_point now);
    void look_at_idle(Clock::time_point now);
    void close_from_top(std::error_code reason);
};

}  // namespace switchboard
