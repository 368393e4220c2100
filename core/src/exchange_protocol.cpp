#include "exchange_protocol.hpp"

#include <algorithm>
#include <cassert>
#include <functional>
#include <optional>

#include "deadline.hpp"

namespace switchboard {
namespace {

using Buffer = std::vector<std::byte>;

// Where the reply ends, as far as its bytes tell; asked again whenever there are more of them.
class EndFinder {
public:
    explicit EndFinder(const MessageEnd& end) : end_(end) {}

    // The length of the whole message, once known.
    std::optional<std::uint64_t> find(const Buffer& reply) {
        switch (end_.kind) {
            case MessageEnd::Kind::fixed_length: return end_.length;
            case MessageEnd::Kind::delimiter: return after_delimiter(reply);
            case MessageEnd::Kind::length_prefix: return after_prefix(reply);
            case MessageEnd::Kind::shutdown: break;
        }
        return std::nullopt;
    }

private:
    std::optional<std::uint64_t> after_delimiter(const Buffer& reply) {
        const Bytes wanted = as_bytes(end_.delimiter);
        const auto from = reply.begin() + static_cast<std::ptrdiff_t>(searched_);
        const auto found = std::search(from, reply.end(), wanted.begin(), wanted.end());
        if (found != reply.end()) {
            return static_cast<std::uint64_t>(found - reply.begin()) + wanted.size();
        }
        // The delimiter may have begun in what is there.
        searched_ = reply.size() < wanted.size() ? 0 : reply.size() - wanted.size() + 1;
        return std::nullopt;
    }

    std::optional<std::uint64_t> after_prefix(const Buffer& reply) const {
        if (reply.size() < end_.length) return std::nullopt;
        std::uint64_t length = 0;
        for (std::size_t i = 0; i < end_.length; ++i) {
            const bool big = end_.order == MessageEnd::Order::big_endian;
            const std::size_t at = big ? i : end_.length - 1 - i;
            length = length << 8U | std::to_integer<std::uint64_t>(reply[at]);
        }
        // Saturates: what does not fit is too large in any case.
        return length + std::min<std::uint64_t>(end_.length, ~length);
    }

    const MessageEnd& end_;
    std::size_t searched_ = 0;  // the delimiter begins nowhere before this
};

// Small enough that a queue with one more of them than its high-water mark has no great size.
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
        if (whole_) {  // the request is still on its way
            surplus_ = true;
            return in.size();
        }
        const std::size_t before = reply_.size();
        // One byte more than allowed is enough to know that it is too large.
        const std::size_t room = options_.max_reply - before;
        const std::size_t taken = room < in.size() ? room + 1 : in.size();
        reply_.insert(reply_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(taken));
        if (judge(c)) finish(c);
        return std::min(in.size(), reply_.size() - before);
    }

    void on_drain(Connection& c) override {
        behind_ = false;
        if (!unsent_.empty()) send(c);
    }

    void on_eof(Connection& c) override {
        if (options_.reply_end.kind == MessageEnd::Kind::shutdown) whole_ = true;
        whole_ ? finish(c) : c.close(errc::incomplete_message);
    }

    void on_close(std::error_code reason) noexcept override {
        // A reply that came whole stands, whatever became of the connection afterwards. No reply at
        // all is good only if the request was sent.
        if (whole_ && (!reason || !reply_.empty())) return done_(std::move(reply_));
        done_(fail(reason ? reason : make_error_code(errc::incomplete_message), step(reason)));
    }

    // An echo stops reading if its answers are not read while the request is sent.
    bool reads_when_full() const noexcept override { return true; }

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

    // What the reply is so far: whether it may go on.
    bool judge(Connection& c) {
        const auto length = finder_.find(reply_);
        if (length.value_or(reply_.size()) > options_.max_reply) {
            c.abort(errc::message_too_large);
            return false;
        }
        if (!length || *length > reply_.size()) return true;
        surplus_ = reply_.size() > *length;
        reply_.resize(static_cast<std::size_t>(*length));
        whole_ = true;
        return true;
    }

    // A peer that answers early may still want the rest of the request.
    void finish(Connection& c) {
        if (!whole_ || !unsent_.empty()) return;
        // A peer that goes on sending would keep an orderly close waiting for its end.
        surplus_ ? c.abort({}) : c.close();
    }

    const char* step(std::error_code reason) const {
        if (!open_) return "connect";
        const bool stalled = reason == errc::write_stalled || reason == errc::write_queue_full ||
                             reason == errc::close_timed_out;
        return !unsent_.empty() || behind_ || stalled ? "send request" : "read reply";
    }

    Buffer owned_;  // what unsent_ lies in, unless somebody else keeps that
    Bytes unsent_;  // of the request; written in portions, so that it is not all copied to a queue
    const ExchangeOptions options_;
    ExchangeDone done_;
    EndFinder finder_{options_.reply_end};
    Buffer reply_;
    bool open_ = false;
    bool behind_ = false;  // write() said that the peer is, or gone
    bool whole_ = false;
    bool surplus_ = false;  // the peer went on after the reply
};

}  // namespace

MessageEnd MessageEnd::after(std::size_t length) {
    return {.kind = Kind::fixed_length, .length = length, .delimiter = {}};
}

MessageEnd MessageEnd::at(std::string delimiter) {
    assert(!delimiter.empty());
    return {.kind = Kind::delimiter, .delimiter = std::move(delimiter)};
}

MessageEnd MessageEnd::prefixed(std::size_t width, Order order) {
    assert(width == 1 || width == 2 || width == 4 || width == 8);
    return {.kind = Kind::length_prefix, .order = order, .length = width, .delimiter = {}};
}

MessageEnd MessageEnd::at_shutdown() {
    return {};
}

std::unique_ptr<Protocol> make_exchange(Buffer request, ExchangeOptions options,
                                        ExchangeDone done) {
    const Bytes bytes(request);  // which stay where they are when the vector is moved
    return std::make_unique<ExchangeProtocol>(std::move(request), bytes, std::move(options),
                                              std::move(done));
}

std::unique_ptr<Protocol> detail::make_exchange_of(Bytes request, ExchangeOptions options,
                                                   ExchangeDone done) {
    return std::make_unique<ExchangeProtocol>(Buffer(), request, std::move(options),
                                              std::move(done));
}

}  // namespace switchboard
