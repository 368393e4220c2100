// What every datagram driver shares: the queue and its marks, and the only place that calls a
// DatagramProtocol.
#pragma once

#include <memory>
#include <string>
#include <switchboard/datagram.hpp>
#include <switchboard/limits.hpp>
#include <vector>

#include "queue.hpp"

namespace switchboard::detail {

// A driver tells it what happens; after each open(), receive() and expire(), and when the socket can
// take more, it calls settle(), which sends what was written, tells of errors, and ends what is to end.
// Callbacks run in those calls and do not nest.
class DatagramPort : public DatagramSocket {
public:
    // `connected` is nobody for a socket that is not.
    DatagramPort(std::unique_ptr<DatagramProtocol> protocol, const Limits& limits,
                 const DatagramPeer& connected,
                 std::pmr::memory_resource* memory = std::pmr::get_default_resource());
    DatagramPort(const DatagramPort&) = delete;
    DatagramPort& operator=(const DatagramPort&) = delete;

    using DatagramSocket::send;
    bool send(const DatagramPeer& peer, std::span<const Bytes> pieces) final;
    void close(std::error_code reason) final;
    void abort(std::error_code reason) final;
    bool closing() const final { return ended_; }
    void set_deadline(Clock::time_point when) final;

    void open();
    void receive(std::span<Datagram> in);
    // Both are kept for the next settle(): on_error never comes from within send(). Nobody as `peer` is
    // the connected one.
    void note(std::error_code code, const DatagramPeer& peer, std::size_t size);
    void note_earlier(std::error_code code);  // of a datagram that was sent before
    // What is due by now: the deadline, and the ends of patience with what is queued.
    void expire(Clock::time_point now);
    Clock::time_point next_timer() const noexcept;
    bool settle();                                 // true: there is more to do in the next turn
    void finish(std::error_code reason) noexcept;  // on_close, at once; not from within a callback
    void forget_protocol() noexcept { protocol_.reset(); }  // a finish() after this calls nobody

    bool reads() const noexcept { return !ended_ && !above_; }  // datagrams may be received
    bool is_open() const noexcept { return opened_ && !closed_; }
    bool is_closed() const noexcept { return closed_; }
    bool running() const noexcept { return running_; }  // inside a callback
    std::error_code reason() const noexcept { return reason_; }
    const std::string& failure() const noexcept { return failure_; }  // why errc::handler_failed
    std::size_t queued() const noexcept { return queue_.weight(); }
    const Limits& limits() const noexcept { return limits_; }

protected:
    ~DatagramPort() = default;
    DatagramQueue& queue() noexcept { return queue_; }
    const DatagramPeer& connected() const noexcept { return connected_; }
    void flush();                           // transmit(), and how long it may take to go on
    void drop_queue(std::error_code why);   // and notes it
    Clock::time_point gives_up_at() const;  // on what is queued now, if nothing of it is sent

    // Sends what can be sent of queue(), noting errors; runs no callback.
    virtual void transmit() = 0;
    // settle() is wanted soon, for what was asked for outside a callback.
    virtual void attend_later() = 0;
    // From which time-outs count: now(), but where that stands still between turns.
    virtual Clock::time_point clock() const { return now(); }

private:
    template <class Callback>
    void run(const char* name, Callback&& callback);
    void failed(const char* name, const char* what) noexcept;
    void count_error(const DatagramError& error);
    void tell_errors();
    void requested();
    Clock::time_point in(std::chrono::milliseconds limit) const;  // from now; zero is never
    bool is_drained() const noexcept { return above_ && queue_.weight() <= limits_.low_water; }

    std::unique_ptr<DatagramProtocol> protocol_;
    const Limits limits_;
    const DatagramPeer connected_;
    DatagramQueue queue_;
    std::vector<DatagramError> errors_, telling_;
    std::size_t left_out_ = 0;  // errors that no entry of errors_ counts
    Clock::time_point deadline_ = Clock::time_point::max();
    Clock::time_point stalled_at_ = Clock::time_point::max();  // unless something is sent before
    Clock::time_point closes_at_ = Clock::time_point::max();   // sent or not
    std::error_code reason_;
    std::string failure_;
    bool opened_ = false;
    bool running_ = false;
    bool above_ = false;    // the high-water mark, as the handler was told
    bool ended_ = false;    // nothing but on_close follows
    bool aborted_ = false;  // and nothing is sent any more
    bool closed_ = false;
};

}  // namespace switchboard::detail
