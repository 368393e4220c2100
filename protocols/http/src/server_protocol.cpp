#include "server_protocol.hpp"

#include "base/deadline.hpp"

namespace switchboard::http::detail {
namespace {

using switchboard::detail::limit_after;

// The rest of a refused body is read if it is at most this long. Otherwise the connection is closed.
constexpr std::uint64_t kMostSkipped = 64 * 1024;

bool is_not_worth_reading(const Head& head) noexcept {
    return head.expects_continue || head.chunked || head.length > kMostSkipped;
}

}  // namespace

void ServerProtocol::on_open(Connection& connection) {
    since_ = connection.now();
    connection.set_deadline(limit_after(since_, limits().head_timeout));
}

std::size_t ServerProtocol::on_data(Connection& connection, MutableBytes in) {
    const std::string_view text = as_text(in);
    std::size_t used = 0;
    inside_ = true;
    while (used < text.size() && takes_more()) {
        const std::string_view rest = text.substr(used);
        const std::size_t more =
            incoming_ ? read_body(connection, rest) : read_head(connection, rest);
        if (more == 0) break;
        used += more;
    }
    inside_ = false;
    unread_ = text.size() - used;
    if (!over_) rest(connection);
    return used;
}

// What is left to do once on_data cannot go on. Reading continues while an answer is awaited, so that a reset
// is noticed; but not without end.
void ServerProtocol::rest(Connection& connection) {
    arm(connection);
    if (open_ && unread_ > limits().max_head) connection.pause_reading();
    if (!eof_ || !takes_more()) return;
    over_ = true;
    connection.close(unread_ == 0 ? std::error_code() : make_error_code(errc::incomplete_message));
}

std::size_t ServerProtocol::read_head(Connection& connection, std::string_view in) {
    if (seen_ == 0) since_ = connection.now();
    Head head;
    const Parsed parsed = parse_head(in, limits(), seen_, head);
    if (parsed.refusal != 0) {
        refuse(connection, head, parsed.refusal);
        return parsed.used;
    }
    if (parsed.used == 0) return 0;
    return parsed.used + begin(connection, in.substr(0, parsed.used), in.substr(parsed.used), head);
}

// Returns how many bytes behind the head were used.
std::size_t ServerProtocol::begin(Connection& connection, std::string_view head_text,
                                  std::string_view behind, const Head& head) {
    Captures captures;
    const Route& route = shared_->router->find(head.method, head.path, captures);
    const bool whole = !head.chunked && head.length <= behind.size();
    if (head.length > route.options.max_body) {
        refuse(connection, head, 413);
        return 0;
    }
    if (whole) {
        answer(connection, head, route, as_bytes(behind.substr(0, head.length)), captures);
        return head.length;
    }
    if (route.refuses && is_not_worth_reading(head)) {
        answer(connection, head, route, {}, captures, true);
        return 0;
    }
    expect_body(connection, head_text, behind.empty());
    return 0;
}

// A client that has begun to send its body no longer waits (RFC 9110, section 10.1.1).
void ServerProtocol::expect_body(Connection& connection, std::string_view head_text,
                                 bool nothing_came) {
    incoming_ = std::make_unique<Incoming>(head_text, limits(), *shared_->router, connection.now());
    if (incoming_->head().expects_continue && nothing_came)
        connection.write("HTTP/1.1 100 Continue\r\n\r\n");
}

std::size_t ServerProtocol::read_body(Connection& connection, std::string_view in) {
    const Incoming::Taken taken = incoming_->take(in, connection.now());
    if (taken.refusal == 0 && !incoming_->whole()) return taken.used;
    const std::unique_ptr<Incoming> request = std::move(incoming_);
    if (taken.refusal != 0) {
        refuse(connection, request->head(), taken.refusal);
    } else {
        answer(connection, request->head(), request->route(), request->body(), request->captures());
    }
    return taken.used;
}

void ServerProtocol::answer(Connection& connection, const Head& head, const Route& route,
                            Bytes body, const Captures& captures, bool last) {
    ++requests_;
    last = last || !head.keep_alive || requests_ >= limits().max_requests || shutting_down_;
    Exchange exchange(connection, Facts(head, last), *shared_);
    exchange.run(route, Exchange::request(head, body, captures, connection), *this);
    if (exchange.deferred()) return deferred(connection, route);
    room_ = exchange.has_room();
    over_ = exchange.upgraded() || exchange.last() || connection.closing();
    if (!exchange.last() || exchange.upgraded()) return;
    connection.close(exchange.failed() ? make_error_code(errc::handler_failed) : std::error_code());
}

void ServerProtocol::deferred(Connection& connection, const Route& route) {
    over_ = over_ || connection.closing();
    if (open_) open_->set_deadline(limit_after(connection.now(), route.options.answer_within));
}

void ServerProtocol::answered(Connection& connection, bool last, bool room,
                              std::error_code reason) {
    open_.reset();
    room_ = room;
    if (last) {
        over_ = true;
        return connection.close(reason);
    }
    if (inside_) return;
    arm(connection);
    connection.resume_reading();  // the bytes that waited are offered
}

// Nothing more is read from a peer whose request was refused: what follows may be part of that request.
void ServerProtocol::refuse(Connection& connection, const Head& head, unsigned status) {
    Exchange exchange(connection, Facts(head, true), *shared_);
    exchange.refuse(status);
    over_ = true;
    connection.close(status == 408 ? std::make_error_code(std::errc::timed_out)
                                   : make_error_code(errc::malformed_message));
}

void ServerProtocol::arm(Connection& connection) {
    if (open_) return connection.set_deadline(open_->deadline());
    if (incoming_) return connection.set_deadline(incoming_->deadline(limits()));
    if (seen_ > 0) return connection.set_deadline(limit_after(since_, limits().head_timeout));
    connection.set_deadline(limit_after(connection.now(), limits().keep_alive_timeout));
}

void ServerProtocol::on_writable(Connection& connection) {
    room_ = true;
    if (const auto answer = open_) return answer->room_again();
    if (unread_ == 0 && !over_) rest(connection);
}

// Bytes that wait come next, in on_data.
void ServerProtocol::on_resume(Connection& connection) {
    if (unread_ == 0 && !over_) rest(connection);
}

// A peer that sends no more may still read.
void ServerProtocol::on_eof(Connection& connection) {
    eof_ = true;
    if (open_ || !room_) return;
    if (is_between_requests()) return connection.close();
    connection.close(errc::incomplete_message);
}

// While an answer is still on its way, write_stall_timeout judges the peer.
void ServerProtocol::on_deadline(Connection& connection) {
    if (const auto answer = open_) return answer->expire();
    if (is_between_requests())
        return connection.queued() > 0 ? arm(connection) : connection.close();
    const Head none;
    refuse(connection, incoming_ ? incoming_->head() : none, 408);
}

void ServerProtocol::on_shutdown(Connection& connection) {
    shutting_down_ = true;
    if (open_) open_->set_last();
    if (is_between_requests()) connection.close();
}

void ServerProtocol::on_close(std::error_code reason) noexcept {
    if (const auto answer = std::exchange(open_, nullptr)) answer->gone(reason);
}

}  // namespace switchboard::http::detail
