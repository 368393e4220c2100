#include "exchange_protocol.hpp"

#include <algorithm>
#include <functional>

#include "base/deadline.hpp"

namespace switchboard {
namespace {

using Buffer = std::vector<std::byte>;

// Small, so that a queue with one portion above its high-water mark is not much larger than the mark.
constexpr std::size_t kPortion = 16 * 1024;

class ExchangeProtocol final : public Protocol {
public:
    ExchangeProtocol(Buffer owned, Bytes request, ExchangeOptions options, ExchangeDone done)
        : owned_(std::move(owned)),
          unsent_(request),
          options_(std::move(options)),
          done_(std::move(done)) {}

    void on_open(Connection& c) override {
        open_ = true;
        c.set_deadline(detail::limit_after(c.now(), options_.timeout));
        if (judge(c)) send(c);
    }

    std::size_t on_data(Connection& c, MutableBytes in) override {
        if (whole_) {  // the request is still being sent
            surplus_ = true;
            return in.size();
        }
        const std::size_t before = reply_.size();
        // One byte more than allowed is enough to detect that the reply is too large.
        const std::size_t room = options_.max_reply - before;
        const std::size_t taken = room < in.size() ? room + 1 : in.size();
        reply_.insert(reply_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(taken));
        if (judge(c)) finish(c);
        return std::min(in.size(), reply_.size() - before);
    }

    void on_writable(Connection& c) override {
        behind_ = false;
        if (!unsent_.empty()) send(c);
    }

    void on_eof(Connection& c) override {
        if (!options_.reply_framing) whole_ = true;
        whole_ ? finish(c) : c.close(errc::incomplete_message);
    }

    void on_close(std::error_code reason) noexcept override {
        // A whole reply is valid, whatever happened to the connection afterwards. An empty reply is valid
        // only if the request was sent.
        if (whole_ && (!reason || !reply_.empty())) return done_(std::move(reply_));
        done_(fail(reason ? reason : make_error_code(errc::incomplete_message), step(reason)));
    }

    // A peer that echoes stops reading if its replies are not read while the request is sent.
    bool reads_under_backpressure() const noexcept override { return true; }

private:
    void send(Connection& c) {
        while (!behind_ && !unsent_.empty()) {
            const Bytes portion = unsent_.first(std::min(unsent_.size(), kPortion));
            unsent_ = unsent_.subspan(portion.size());
            behind_ = !c.write(portion);
        }
        if (!unsent_.empty()) return;
        Buffer().swap(owned_);
        if (options_.shutdown_after_request) c.shutdown_write();
        finish(c);
    }

    // Checks the reply received so far. Returns whether the exchange goes on.
    bool judge(Connection& c) {
        if (!options_.expects_reply) return take_whole(0);
        if (!options_.reply_framing)
            return reply_.size() <= options_.max_reply || refuse(c, errc::message_too_large);
        const Framing::Front front = options_.reply_framing->front(reply_, searched_);
        searched_ = reply_.size();
        if (front.found == Framing::Found::malformed) return refuse(c, errc::malformed_message);
        const bool is_part = front.found == Framing::Found::part;
        const std::size_t length = front.head + front.payload + front.tail;
        // A part has a known length only with a length prefix or a fixed length.
        const std::size_t least = is_part ? std::max(length, reply_.size()) : length;
        if (front.found == Framing::Found::too_long || least > options_.max_reply)
            return refuse(c, errc::message_too_large);
        return is_part || take_whole(length);
    }

    bool take_whole(std::size_t length) {
        surplus_ = reply_.size() > length;
        reply_.resize(length);
        whole_ = true;
        return true;
    }

    static bool refuse(Connection& c, errc why) {
        c.abort(why);
        return false;
    }

    // A peer that replies early may still need the rest of the request.
    void finish(Connection& c) {
        if (!whole_ || !unsent_.empty()) return;
        // An orderly close would wait for the end of a peer that goes on sending.
        surplus_ ? c.abort({}) : c.close();
    }

    const char* step(std::error_code reason) const {
        if (!open_) return "connect";
        const bool stalled = reason == errc::write_stalled || reason == errc::write_queue_full ||
                             reason == errc::close_timed_out;
        return !unsent_.empty() || behind_ || stalled ? "send request" : "read reply";
    }

    Buffer owned_;  // the request that unsent_ refers to; empty if the caller keeps it
    Bytes unsent_;  // the rest of the request; written in portions, so that it is not all queued
    const ExchangeOptions options_;
    ExchangeDone done_;
    Buffer reply_;
    std::size_t searched_ = 0;  // no delimiter ends in these leading bytes of the reply
    bool open_ = false;
    bool behind_ = false;  // write() returned false: the peer is slow or has closed
    bool whole_ = false;
    bool surplus_ = false;  // the peer sent more after the reply
};

}  // namespace

std::unique_ptr<Protocol> make_exchange(Buffer request, ExchangeOptions options,
                                        ExchangeDone done) {
    const Bytes bytes(request);  // stays valid when the vector is moved
    return std::make_unique<ExchangeProtocol>(std::move(request), bytes, std::move(options),
                                              std::move(done));
}

std::unique_ptr<Protocol> detail::make_exchange_of(Bytes request, ExchangeOptions options,
                                                   ExchangeDone done) {
    return std::make_unique<ExchangeProtocol>(Buffer(), request, std::move(options),
                                              std::move(done));
}

}  // namespace switchboard
