#include "client_protocol.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/deadline.hpp"

namespace switchboard::http {

bool BodyWriter::write(Bytes piece) {
    return connection_.write_body(piece);
}

namespace detail {
namespace {

using switchboard::detail::kNever;
using switchboard::detail::limit_after;

constexpr std::size_t kMostAtOnce = 64 * 1024;

}  // namespace

// ---- the request

void ClientProtocol::start(std::shared_ptr<ExchangeUser> user, Outgoing request) {
    user_ = std::move(user);
    request_ = std::move(request);
    parser_.expect(request_.reply_to);
    sent_ = 0;
    unread_ = 0;
    room_ = true;
    request_out_ = stopped_ = came_ = paused_ = waits_ = false;
    last_ = connection_->now();
    const auto first = request_.source ? std::string_view() : request_.body.substr(0, kMostAtOnce);
    const std::array<Bytes, 2> pieces{as_bytes(request_.head), as_bytes(first)};
    room_ = connection_->write(std::span<const Bytes>(pieces));
    sent_ = first.size();
    if (!request_.source && sent_ == request_.body.size()) request_out_ = true;
    send_body();
    arm();
}

// Writes as much of the body as there is room for.
void ClientProtocol::send_body() {
    while (sends() && room_ && !waits_) {
        if (request_.source) {
            call_source();
            continue;
        }
        const auto piece = request_.body.substr(sent_, kMostAtOnce);
        room_ = connection_->write(as_bytes(piece));
        sent_ += piece.size();
        progress();
        request_out_ = sent_ == request_.body.size();
    }
}

void ClientProtocol::call_source() {
    const auto user = user_;  // keeps the source alive
    const std::uint64_t before = sent_;
    BodyWriter writer(*this);
    bool more = false;
    try {
        more = (*request_.source)(writer);
    } catch (...) {
        if (user_ == user) fail(errc::handler_failed, "body_source threw");
        return;
    }
    if (user_ != user) return;
    if (request_.length && (sent_ > *request_.length || (!more && sent_ < *request_.length)))
        return fail(client_errc::wrong_length, "body_source");
    waits_ = more && sent_ == before;
    if (!more) end_request();
}

bool ClientProtocol::write_body(Bytes piece) {
    if (!sends() || piece.empty()) return room_;
    sent_ += piece.size();
    progress();
    if (request_.length) {
        if (sent_ > *request_.length) return false;
        return room_ = connection_->write(piece);
    }
    ChunkLine line;
    const std::array<Bytes, 3> pieces{as_bytes(encode_chunk_line(line, piece.size())), piece,
                                      as_bytes("\r\n")};
    return room_ = connection_->write(std::span<const Bytes>(pieces));
}

void ClientProtocol::end_request() {
    if (!request_.length) connection_->write("0\r\n\r\n");
    request_out_ = true;
    progress();
}

void ClientProtocol::on_writable(Connection&) {
    room_ = true;
    if (sends()) progress();
    send_body();
    arm();
}

// ---- the reply

std::size_t ClientProtocol::on_data(Connection& connection, MutableBytes in) {
    if (!user_) {  // nothing was asked
        leave_owner();
        connection.close(errc::malformed_message);
        return in.size();
    }
    came_ = true;
    unread_ = 0;
    const std::size_t used = advance(as_text(in));
    unread_ = in.size() - used;
    arm();
    return used;
}

std::size_t ClientProtocol::advance(std::string_view in) {
    std::size_t used = 0;
    while (user_ && !paused_) {
        const ReplyParser::Step step = parser_.next(in.substr(used));
        used += step.used;
        switch (step.event) {
            case ReplyParser::Event::none:
                if (step.used == 0) return used;
                break;
            case ReplyParser::Event::head: take_head(); break;
            case ReplyParser::Event::data: take_body(step.data); break;
            case ReplyParser::Event::end: complete(used == in.size() && unread_ == 0); return used;
            case ReplyParser::Event::refused:
                fail(parser_.refusal().code, parser_.refusal().why);
                return used;
        }
    }
    return used;
}

// A server that refuses the request does not want the rest of it (RFC 9112, section 9.5).
void ClientProtocol::take_head() {
    progress();
    if (!request_out_ && (parser_.head().status >= 300 || !parser_.head().keep_alive))
        stopped_ = true;
    const auto user = user_;
    user->on_head(parser_.head());
}

void ClientProtocol::take_body(std::string_view piece) {
    progress();
    const auto user = user_;
    const bool more = user->on_body(as_bytes(piece));
    if (user_ != user || more) return;
    paused_ = true;
    connection_->pause_reading();
}

void ClientProtocol::complete(bool nothing_behind) {
    const bool reusable = parser_.head().keep_alive && request_out_ && nothing_behind &&
                          !last_exchange_ && !connection_->closing();
    const auto user = std::exchange(user_, nullptr);
    Ending ending{.trailers = parser_.trailers()};
    const auto owner = owner_;
    if (reusable && owner) {
        owner->freed(*this);
    } else {
        leave_owner();
        connection_->close(nothing_behind ? std::error_code()
                                          : make_error_code(errc::malformed_message));
    }
    user->on_end(std::move(ending));
}

void ClientProtocol::fail(std::error_code error, const char* why) {
    const auto user = std::exchange(user_, nullptr);
    leave_owner();
    connection_->abort(error);
    user->on_end({.error = error, .why = why, .nothing_came = !came_});
}

void ClientProtocol::on_eof(Connection& connection) {
    if (!user_) {
        leave_owner();
        return connection.close();
    }
    last_exchange_ = true;
    if (parser_.ends_here()) return complete(true);
    fail(errc::incomplete_message, "the server ended the connection");
}

// ---- pauses and times

// resume_reading() is followed by on_resume.
void ClientProtocol::resume(const ExchangeUser& by) {
    if (user_.get() == &by && connection_) connection_->resume_reading();
}

void ClientProtocol::on_resume(Connection&) {
    if (!user_) return;
    if (std::exchange(waits_, false)) progress();
    if (std::exchange(paused_, false)) {
        take_body({});
        if (user_ && !paused_) advance({});
    }
    if (user_) send_body();
    arm();
}

void ClientProtocol::progress() {
    last_ = connection_->now();
}

// Only the bytes of the bodies, and the end of the request, put the deadline off.
void ClientProtocol::arm() {
    if (!connection_) return;
    const bool in_body = parser_.in_body() || (user_ && !request_out_);
    auto limit = in_body ? limits_.body_idle : limits_.head;
    if (!user_) {
        last_ = connection_->now();
        limit = limits_.keep_alive;
    }
    connection_->set_deadline(paused_ ? kNever : limit_after(last_, limit));
}

// While the request is still on its way, write_stall_timeout judges the server.
void ClientProtocol::on_deadline(Connection& connection) {
    if (!user_) {
        leave_owner();
        return connection.close();
    }
    const bool in_body = parser_.in_body() || !request_out_;
    if (!parser_.in_body() && connection.queued() > 0) {
        progress();
        return arm();
    }
    fail(std::make_error_code(std::errc::timed_out), in_body ? "body_idle" : "head");
}

// ---- beginning and end

void ClientProtocol::on_open(Connection& connection) {
    connection_ = &connection;
    const auto owner = owner_;
    if (!owner) return connection.close();
    owner->opened(*this);
    arm();
}

void ClientProtocol::on_shutdown(Connection& connection) {
    last_exchange_ = true;
    if (user_) return;
    leave_owner();
    connection.close();
}

void ClientProtocol::on_close(std::error_code reason) noexcept {
    connection_ = nullptr;
    const auto user = std::exchange(user_, nullptr);
    leave_owner();
    if (!user) return;
    if (!reason) reason = errc::incomplete_message;
    user->on_end({.error = reason, .why = "the connection ended", .nothing_came = !came_});
}

void ClientProtocol::leave_owner() noexcept {
    if (const auto owner = std::exchange(owner_, nullptr)) owner->gone(*this);
}

void ClientProtocol::cancel(const ExchangeUser& by) {
    if (user_.get() == &by) abandon();
}

void ClientProtocol::abandon() {
    user_ = nullptr;
    leave_owner();
    if (connection_) connection_->abort(make_error_code(std::errc::operation_canceled));
}

void ClientProtocol::detach() {
    owner_ = nullptr;
    if (user_) return abandon();
    if (connection_) connection_->close();
}

void ClientProtocol::close() {
    leave_owner();
    connection_->close();
}

}  // namespace detail
}  // namespace switchboard::http
