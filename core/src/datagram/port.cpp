#include "port.hpp"

#include <algorithm>
#include <cassert>
#include <exception>
#include <utility>

#include "base/deadline.hpp"
#include "peer_access.hpp"

namespace switchboard {

void DatagramProtocol::on_datagrams(DatagramSocket& socket, std::span<Datagram> in) {
    for (Datagram& each : in) {
        if (socket.closing()) return;
        on_datagram(socket, each);
    }
}

void DatagramProtocol::on_deadline(DatagramSocket& socket) {
    socket.abort(std::make_error_code(std::errc::timed_out));
}

namespace detail {
namespace {

constexpr std::size_t kMostKinds = 64;  // most kinds of errors between two settle() calls

std::error_code why_dropped(std::size_t size, bool queue_full) {
    if (size > kLargestDatagram) return std::make_error_code(std::errc::message_size);
    if (queue_full) return errc::write_queue_full;
    return std::make_error_code(std::errc::not_enough_memory);
}

}  // namespace

DatagramPort::DatagramPort(std::unique_ptr<DatagramProtocol> protocol, const DatagramLimits& limits,
                           const DatagramAddress& connected, std::pmr::memory_resource* memory)
    : protocol_(std::move(protocol)), limits_(limits), connected_(connected), queue_(memory) {}

template <class Callback>
void DatagramPort::run(const char* name, Callback&& callback) {
    assert(!running_ && "callbacks do not nest");
    running_ = true;
    try {
        callback();
        running_ = false;
    } catch (const std::exception& e) {
        failed(name, e.what());
    } catch (...) {
        failed(name, nullptr);
    }
}

void DatagramPort::failed(const char* name, const char* what) noexcept {
    running_ = false;
    try {
        failure_ = std::string(name) + " threw" + (what != nullptr ? std::string(": ") + what : "");
    } catch (...) {  // if memory runs out, it fails without a text
    }
    aborted_ = false;  // the failure replaces an earlier abort() of the handler
    abort(errc::handler_failed);
}

// For a connected socket no address is passed, not even that of its peer: BSD refuses it (EISCONN, man 2
// send).
bool DatagramPort::send(const DatagramAddress& peer, std::span<const Bytes> pieces) {
    if (ended_) return false;
    static const DatagramAddress nobody;
    const DatagramAddress& to = connected_ && peer == connected_ ? nobody : peer;
    std::size_t size = 0;
    for (const Bytes piece : pieces) size += piece.size();
    const std::size_t weight = size + DatagramQueue::kOverhead;
    // Flushed first, because the output of one callback may exceed the mark although the socket is not full.
    if (queue_.weight() + weight > limits_.high_water) flush();
    const bool full = queue_.weight() + weight > limits_.max_write_buffer;
    const bool queued = size <= kLargestDatagram && !full && queue_.push(to, pieces, size);
    if (!queued) note(why_dropped(size, full), to, size);
    if (queue_.weight() > limits_.high_water) above_ = true;
    requested();
    return queued && !above_;
}

void DatagramPort::close(std::error_code reason) {
    if (ended_) return;
    ended_ = true;
    reason_ = reason;
    closes_at_ = in(limits_.close_timeout);
    requested();
}

void DatagramPort::abort(std::error_code reason) {
    if (aborted_) return;
    ended_ = aborted_ = true;
    reason_ = reason;
    queue_.clear();
    requested();
}

void DatagramPort::set_deadline(Clock::time_point when) {
    deadline_ = when;
    requested();
}

void DatagramPort::requested() {
    if (!running_ && !closed_) schedule_end_of_turn();
}

void DatagramPort::open() {
    if (ended_ || opened_) return;
    opened_ = true;
    run("on_open", [&] { protocol_->on_open(*this); });
}

void DatagramPort::receive(std::span<Datagram> in) {
    if (ended_) return;
    run("on_datagrams", [&] { protocol_->on_datagrams(*this, in); });
}

void DatagramPort::note(std::error_code code, const DatagramAddress& peer, std::size_t size) {
    count_error({code, peer ? peer : connected_, size});
}

void DatagramPort::note_earlier(std::error_code code) {
    count_error({.code = code, .peer = connected_, .earlier = true});
}

// Errors of one kind share one entry, whatever other errors come between them.
void DatagramPort::count_error(const DatagramError& error) {
    if (ended_) return;
    const auto known = std::ranges::find_if(errors_, [&](const DatagramError& each) {
        return each.code == error.code && each.peer == error.peer && each.earlier == error.earlier;
    });
    if (known != errors_.end()) {
        ++known->count;
        return;
    }
    try {
        if (errors_.size() < kMostKinds) return errors_.push_back(error);
    } catch (...) {  // out of memory
    }
    ++left_out_;
}

// Reports only the errors noted so far: a handler that reacts with the same mistake must not loop here.
void DatagramPort::tell_errors() {
    telling_.swap(errors_);
    const std::size_t left_out = std::exchange(left_out_, 0);
    const auto tell = [&](const DatagramError& error) {
        if (!ended_) run("on_error", [&] { protocol_->on_error(*this, error); });
    };
    std::ranges::for_each(telling_, tell);
    telling_.clear();
    if (left_out > 0) tell({.code = errc::errors_left_out, .count = left_out});
}

void DatagramPort::flush() {
    if (queue_.empty()) return;
    const std::uint64_t before = queue_.popped();
    transmit();
    if (queue_.empty()) {
        stalled_at_ = kNever;
    } else if (queue_.popped() != before || stalled_at_ == kNever) {
        stalled_at_ = in(limits_.write_stall_timeout);
    }
}

void DatagramPort::drop_queue(std::error_code why) {
    for (std::size_t i = 0; i < queue_.count(); ++i) {
        DatagramAddress to = queue_.at(i).to;
        PeerAccess::unmap(to);  // as the handler passed it
        note(why, to, queue_.at(i).size);
    }
    queue_.clear();
    stalled_at_ = kNever;
}

bool DatagramPort::settle() {
    assert(!running_);
    if (closed_) return false;
    flush();
    tell_errors();
    if (is_drained() && !ended_) {
        above_ = false;
        run("on_writable", [&] { protocol_->on_writable(*this); });
    }
    flush();
    if (aborted_ || (ended_ && queue_.empty())) {
        finish(reason_);
        return false;
    }
    return !ended_ && (!errors_.empty() || left_out_ > 0 || is_drained());
}

void DatagramPort::expire(Clock::time_point now) {
    if (closes_at_ <= now) return abort(errc::close_timed_out);
    if (stalled_at_ <= now) drop_queue(errc::write_stalled);
    if (deadline_ > now) return;
    deadline_ = kNever;
    if (!ended_ && opened_) run("on_deadline", [&] { protocol_->on_deadline(*this); });
}

Clock::time_point DatagramPort::next_timer() const noexcept {
    if (closed_) return kNever;
    return std::min({ended_ ? kNever : deadline_, stalled_at_, closes_at_});
}

Clock::time_point DatagramPort::gives_up_at() const {
    return std::min(in(limits_.write_stall_timeout), closes_at_);
}

// The protocol is destroyed right after on_close, so what it owns need not outlive the socket's last turn.
void DatagramPort::finish(std::error_code reason) noexcept {
    if (closed_) return;
    closed_ = ended_ = aborted_ = true;
    reason_ = reason;
    queue_.clear();
    errors_.clear();
    running_ = true;
    if (const auto protocol = std::move(protocol_)) protocol->on_close(reason);
    running_ = false;
}

Clock::time_point DatagramPort::in(std::chrono::milliseconds limit) const {
    return limit_after(clock(), limit);
}

}  // namespace detail
}  // namespace switchboard
