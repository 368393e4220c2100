#include "server_protocol.hpp"

#include "base/deadline.hpp"

namespace switchboard::http::detail {
namespace {

using switchboard::detail::limit_after;

constexpr std::uint64_t kMostSkipped = 64 * 1024;  // of a body that nobody reads

std::error_code reason_of(unsigned refusal) noexcept {
    return refusal == 408 ? std::make_error_code(std::errc::timed_out)
                          : make_error_code(errc::malformed_message);
}

}  // namespace

void ServerProtocol::on_open(Connection& connection) {
    since_ = connection.now();
    connection.set_deadline(limit_after(since_, limits().head_timeout));
}

// What is left to do once on_data cannot go on. Reading continues while an answer is awaited, so that a reset
// is noticed; but not without end.
[[gnu::always_inline]] inline void ServerProtocol::rest(Connection& connection) {
    arm(connection);
    if (open_ && !reader_ && unread_ > limits().max_head) connection.pause_reading();
    if (!eof_ || !takes_more()) return;
    end(connection, is_between_requests() ? std::error_code() : errc::incomplete_message);
}

std::size_t ServerProtocol::on_data(Connection& connection, MutableBytes in) {
    std::string_view text = as_text(in);
    inside_ = true;
    while (!text.empty() && takes_more()) {
        const std::size_t used = incoming_ ? read_body(connection, text)
                                 : reader_ ? read_piece(connection, text)
                                           : read_head(connection, text);
        if (used == 0) break;
        text.remove_prefix(used);
    }
    inside_ = false;
    unread_ = text.size();
    if (!over_) rest(connection);
    return in.size() - unread_;
}

void ServerProtocol::end(Connection& connection, std::error_code reason) {
    over_ = true;
    connection.close(reason);
}

[[gnu::always_inline]] inline std::size_t ServerProtocol::begin(Connection& connection,
                                                                std::string_view head_text,
                                                                std::string_view behind,
                                                                const Head& head) {
    Captures captures;
    const Route& route = shared_->router->find(head.method, head.path, captures);
    Call call{.head = head, .route = route, .captures = captures};
    const RouteOptions& options = route.options;
    if (options.body == Body::none) return answer_first(connection, behind, call);
    if (head.length > options.max_body) {
        refuse(connection, head, 413);
        return 0;
    }
    if (options.body == Body::stream) return answer_first(connection, behind, call);
    if (head.chunked || head.length > behind.size())
        return expect_body(connection, head_text, behind.empty(), head);
    call.body = as_bytes({behind.data(), head.length});
    answer(connection, facts_of(head), call);
    return head.length;
}

std::size_t ServerProtocol::read_head(Connection& connection, std::string_view in) {
    const bool begins = seen_ == 0;
    if (skipped_line_ || in.size() == 2) [[unlikely]] {
        if (begins && skips_empty_line(in)) return 2;
        if (skipped_line_ && in.starts_with("\r\n")) {
            refuse_head(connection, 400);
            return in.size();
        }
    }
    Head head;
    const Parsed parsed = parse_head(in, limits(), seen_, head);
    if (parsed.refusal != 0) {
        refuse_head(connection, parsed.refusal);
        return parsed.used;
    }
    if (parsed.used == 0) {
        if (begins) since_ = connection.now();
        return 0;
    }
    skipped_line_ = false;
    const std::string_view text(in.data(), parsed.used);
    in.remove_prefix(parsed.used);
    return parsed.used + begin(connection, text, in, head);
}

// An empty line behind a request is used at once, so that it does not count as the beginning of the next one
// (RFC 9112, section 2.2).
bool ServerProtocol::skips_empty_line(std::string_view in) noexcept {
    if (requests_ == 0 || skipped_line_ || in != "\r\n") return false;
    return skipped_line_ = true;
}

// A client that has begun to send its body no longer waits (RFC 9110, section 10.1.1).
std::size_t ServerProtocol::expect_body(Connection& connection, std::string_view head_text,
                                        bool nothing_came, const Head& head) {
    incoming_ = std::make_unique<Incoming>(head_text, limits(), *shared_->router, connection.now());
    if (head.expects_continue && nothing_came) connection.write("HTTP/1.1 100 Continue\r\n\r\n");
    return 0;
}

// The handler runs before the body has come. A body that nobody will read, and that is not short, is not
// waited for.
std::size_t ServerProtocol::answer_first(Connection& connection, std::string_view behind,
                                         const Call& call) {
    const Head& head = call.head;
    Facts facts = facts_of(head);
    facts.awaits_continue = head.expects_continue && behind.empty();
    if (head.has_body() && (head.expects_continue || head.chunked || head.length > kMostSkipped))
        facts.last = true;
    const bool skips = !facts.last;
    answer(connection, facts, call);
    if (over_) return 0;
    if (!reader_) return skips ? skip_body(connection, behind, call) : 0;
    end_empty_body(connection);
    return 0;
}

std::size_t ServerProtocol::skip_body(Connection& connection, std::string_view behind,
                                      const Call& call) {
    if (call.head.length <= behind.size()) return call.head.length;
    const BodyInput input(call.head, call.head.length, connection.now());
    reader_ = std::make_shared<BodyReader>(*this, connection, input, Reader{});
    return 0;
}

std::size_t ServerProtocol::read_body(Connection& connection, std::string_view in) {
    const Incoming::Taken taken = incoming_->take(in, connection.now());
    if (taken.refusal == 0 && !incoming_->whole()) return taken.used;
    const std::unique_ptr<Incoming> request = std::move(incoming_);
    if (taken.refusal != 0) {
        refuse(connection, request->head(), taken.refusal);
    } else {
        answer(connection, facts_of(request->head()),
               {.head = request->head(),
                .route = request->route(),
                .captures = request->captures(),
                .body = request->body(),
                .trailers = request->trailers()});
    }
    return taken.used;
}

std::size_t ServerProtocol::read_piece(Connection& connection, std::string_view in) {
    const auto reader = reader_;
    const BodyInput::Piece piece = reader->input().next(in, connection.now());
    if (piece.refusal != 0) {
        refuse_body(connection, piece.refusal, reason_of(piece.refusal));
    } else if (reader->input().whole()) {
        end_body(connection, piece.data);
    } else {
        reader->hand_on(piece.data);
    }
    return piece.used;
}

// No byte will come that could end it.
void ServerProtocol::end_empty_body(Connection& connection) {
    if (reader_ && !reader_->paused() && reader_->input().whole()) end_body(connection, {});
}

void ServerProtocol::end_body(Connection& connection, std::string_view piece) {
    const auto reader = std::exchange(reader_, nullptr);
    if (open_) open_->start_waiting(connection.now());
    reader->end(piece);
    complete(connection);
}

// An answer that is complete or has begun cannot be replaced.
void ServerProtocol::refuse_body(Connection& connection, unsigned status, std::error_code why) {
    const auto reader = std::exchange(reader_, nullptr);
    if (const auto answer = open_) answer->fail(status, why);
    if (!over_) end(connection, why);
    reader->gone(why);
}

// Goes on with the next request if both the body and the answer are complete.
[[gnu::always_inline]] inline void ServerProtocol::complete(Connection& connection) {
    if (over_ || open_ || reader_) return;
    if (last_) return end(connection);
    if (inside_) return;
    arm(connection);
    connection.resume_reading();  // the bytes that waited are offered
}

void ServerProtocol::answer(Connection& connection, const Facts& facts, const Call& call) {
    ++requests_;
    Exchange exchange(connection, facts, *shared_);
    exchange.run(call, *this);
    over_ = over_ || exchange.upgraded() || connection.closing();
    if (exchange.deferred()) {
        if (open_) open_->set_patience(call.route.options.answer_within);
        if (open_ && !reader_) open_->start_waiting(connection.now());
        return;
    }
    report(connection, call.head.method, call.head.target, exchange.status(), exchange.bytes());
    room_ = exchange.has_room();
    last_ = exchange.last();
    if (exchange.failed()) return end(connection, errc::handler_failed);
    complete(connection);
}

void ServerProtocol::answered(Connection& connection, bool last, bool room,
                              std::error_code reason) {
    open_.reset();
    room_ = room;
    last_ = last;
    if (reason) return end(connection, reason);
    complete(connection);
}

// What was parsed of a head that is refused depends on how it arrived.
void ServerProtocol::refuse_head(Connection& connection, unsigned status) {
    const Head none;
    refuse(connection, none, status);
}

// Nothing more is read from a peer whose request was refused: what follows may be part of that request.
void ServerProtocol::refuse(Connection& connection, const Head& head, unsigned status) {
    Exchange exchange(connection, Facts(head, true), *shared_);
    exchange.refuse(status);
    report(connection, head.method, head.target, status, exchange.bytes());
    end(connection, reason_of(status));
}

// The deadline between requests only moves on. It is left where it is, and set anew once it expires: the
// next request most often comes first.
void ServerProtocol::arm(Connection& connection) {
    if (is_between_requests()) {
        since_ = connection.now();
        if (!std::exchange(idles_, true)) connection.set_deadline(idle_until());
        return;
    }
    idles_ = false;
    if (reader_) return connection.set_deadline(reader_->deadline(limits()));
    if (open_) return connection.set_deadline(open_->deadline());
    if (incoming_) return connection.set_deadline(incoming_->deadline(limits()));
    connection.set_deadline(limit_after(since_, limits().head_timeout));
}

Clock::time_point ServerProtocol::idle_until() const noexcept {
    return limit_after(since_, limits().keep_alive_timeout);
}

void ServerProtocol::on_writable(Connection& connection) {
    if (reader_ && output_is_blocked()) reader_->input().start_over(connection.now());
    room_ = true;
    if (const auto answer = open_) {
        answer->room_again();
        if (reader_ && !over_) arm(connection);
        return;
    }
    if (unread_ == 0 && !over_) rest(connection);
}

// Bytes that wait come next, in on_data.
void ServerProtocol::on_resume(Connection& connection) {
    end_empty_body(connection);
    if (unread_ == 0 && !over_) rest(connection);
}

// A peer that sends no more may still read.
void ServerProtocol::on_eof(Connection& connection) {
    eof_ = true;
    if (!reader_ && (open_ || !room_)) return;
    if (is_between_requests()) return connection.close();
    connection.close(errc::incomplete_message);
}

// While an answer is still on its way, write_stall_timeout judges the peer.
void ServerProtocol::on_deadline(Connection& connection) {
    const auto late = std::make_error_code(std::errc::timed_out);
    if (reader_ && output_is_blocked()) {  // its body is not read meanwhile
        reader_->input().start_over(connection.now());
        return arm(connection);
    }
    if (reader_) return refuse_body(connection, 408, late);
    if (const auto answer = open_) return answer->fail(503, late);
    if (is_between_requests()) return stop_idling(connection);
    const Head none;
    refuse(connection, incoming_ ? incoming_->head() : none, 408);
}

// The deadline of an idle connection has come, which may be one that was left where it was.
void ServerProtocol::stop_idling(Connection& connection) {
    if (idles_ && connection.now() < idle_until()) return connection.set_deadline(idle_until());
    idles_ = false;
    if (connection.queued() > 0 || !room_) return arm(connection);
    connection.close();
}

bool ServerProtocol::output_is_blocked() const noexcept {
    return !room_ || (open_ && !open_->has_room());
}

void ServerProtocol::on_shutdown(Connection& connection) {
    shutting_down_ = last_ = true;
    if (open_) open_->set_last();
    if (is_between_requests()) connection.close();
}

void ServerProtocol::on_close(std::error_code reason) noexcept {
    over_ = true;
    const auto reader = std::exchange(reader_, nullptr);
    // Before the reader, whose function may use the answer.
    if (const auto answer = std::exchange(open_, nullptr)) answer->gone(reason);
    if (reader) reader->gone(reason);
}

}  // namespace switchboard::http::detail
