// The part that all datagram drivers share: the queue and its marks. Only this code calls a DatagramProtocol.
#pragma once

#include <memory>
#include <string>
#include <switchboard/datagram.hpp>
#include <switchboard/limits.hpp>
#include <vector>

#include "base/deadline.hpp"
#include "queue.hpp"

namespace switchboard::detail {

inline constexpr std::size_t kLargestDatagram =
    65'535;  // the most that the length field can express (RFC 768)

// The driver reports events by open(), receive() and expire(). After each of them, and when the socket takes
// more, it must call settle(), which sends the output, reports errors, and ends the socket if necessary.
// Callbacks run only in these calls and do not nest.
class DatagramPort : public DatagramSocket {
public:
    // `connected` is empty for a socket that is not connected.
    DatagramPort(std::unique_ptr<DatagramProtocol> protocol, const DatagramLimits& limits,
                 const DatagramAddress& connected,
                 std::pmr::memory_resource* memory = std::pmr::get_default_resource());
    DatagramPort(const DatagramPort&) = delete;
    DatagramPort& operator=(const DatagramPort&) = delete;

    using DatagramSocket::send;
    bool send(const DatagramAddress& peer, std::span<const Bytes> pieces) final;
    void close(std::error_code reason) final;
    void abort(std::error_code reason) final;
    bool closing() const final { return ended_; }
    void set_deadline(Clock::time_point when) final;

    void open();
    void receive(std::span<Datagram> in);
    // Both errors are kept until the next settle(), so that on_error is never called from within send(). An
    // empty `peer` stands for the connected one.
    void note(std::error_code code, const DatagramAddress& peer, std::size_t size);
    void note_earlier(std::error_code code);  // for a datagram that was sent before
    // Handles what is due: the deadline, close_timeout and write_stall_timeout.
    void expire(Clock::time_point now);
    Clock::time_point next_timer() const noexcept;
    bool settle();                                 // returns true if the next turn has more to do
    void finish(std::error_code reason) noexcept;  // on_close, at once; not within a callback
    void forget_protocol() noexcept { protocol_.reset(); }  // finish() then calls no on_close

    bool reads() const noexcept { return !ended_ && !above_; }  // datagrams may be received
    bool is_open() const noexcept { return opened_ && !closed_; }
    bool is_closed() const noexcept { return closed_; }
    bool running() const noexcept { return running_; }  // inside a callback
    std::error_code reason() const noexcept { return reason_; }
    const std::string& failure() const noexcept { return failure_; }  // for errc::handler_failed
    std::size_t queued() const noexcept { return queue_.weight(); }
    const DatagramLimits& limits() const noexcept { return limits_; }

protected:
    ~DatagramPort() = default;
    DatagramQueue& queue() noexcept { return queue_; }
    const DatagramAddress& connected() const noexcept { return connected_; }
    void flush();                           // calls transmit() and updates the stall timer
    void drop_queue(std::error_code why);   // notes `why` for each datagram
    Clock::time_point gives_up_at() const;  // when to drop the queue if nothing of it is sent

    // Sends as much of queue() as possible and notes errors. Runs no callback.
    virtual void transmit() = 0;
    // The driver must call settle() soon, for a request that was made outside a callback.
    virtual void schedule_end_of_turn() = 0;
    // The time that time-outs start from. Default: now(). Override it if now() stands still during a turn.
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
    const DatagramLimits limits_;
    const DatagramAddress connected_;
    DatagramQueue queue_;
    std::vector<DatagramError> errors_, telling_;
    std::size_t left_out_ = 0;  // errors without an entry in errors_
    Clock::time_point deadline_ = kNever;
    Clock::time_point stalled_at_ = kNever;  // restarts when something is sent
    Clock::time_point closes_at_ = kNever;   // does not restart
    std::error_code reason_;
    std::string failure_;
    bool opened_ = false;
    bool running_ = false;
    bool above_ = false;    // above the high-water mark; the handler knows from send()
    bool ended_ = false;    // only on_close follows
    bool aborted_ = false;  // nothing is sent any more
    bool closed_ = false;
};

}  // namespace switchboard::detail
