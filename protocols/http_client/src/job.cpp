#include "job.hpp"

#include <algorithm>
#include <utility>

#include "request_text.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

// The body of a redirect is read if it is at most this long. Otherwise the connection is closed.
constexpr std::uint64_t kMostSkipped = 64 * 1024;

const Field* find(const ReplyHead& head, std::string_view small) noexcept {
    const auto found = std::find_if(head.fields.begin(), head.fields.end(),
                                    [&](const Field& one) { return equals(one.name, small); });
    return found == head.fields.end() ? nullptr : &*found;
}

bool is_gzip(const ReplyHead& head) noexcept {
    const Field* const coding = find(head, "content-encoding");
    return coding && (equals(coding->value, "gzip") || equals(coding->value, "x-gzip"));
}

// Queries may be secret, and errors are logged.
std::string without_query(std::string_view url) {
    return std::string(url.substr(0, url.find('?')));
}

}  // namespace

void Job::begin() {
    if (over_) return;
    auto url = parse_url(call_.url, kHttpUrl);
    if (!url) return failed(url.error());
    if (const auto valid = check_call(call_); !valid) return failed(valid.error());
    url_ = std::move(*url);
    lend(false);
}

void Job::lend(bool fresh) {
    pool_.lend(shared_from_this(), url_, fresh);
}

void Job::lent(ClientProtocol& connection, bool kept) {
    if (over_) return connection.close();
    connection_ = &connection;
    kept_ = kept;
    asked_gzip_ = options_.gzip && !has_field(call_.fields, "accept-encoding") &&
                  !has_field(call_.fields, "range");
    const RequestForm form{.by_proxy = pool_.sends_to_proxy(url_), .asks_gzip = asked_gzip_};
    connection.start(shared_from_this(),
                     {.head = head_text(call_, url_, form),
                      .body = call_.body,
                      .source = call_.body_source ? &call_.body_source : nullptr,
                      .length = call_.body_length,
                      .reply_to = call_.method == "HEAD" ? ReplyTo::head : ReplyTo::other});
}

void Job::failed(const Error& error) {
    fail(error.code(), error.context());
}

void Job::fail(std::error_code error, const std::string& what) {
    if (over_) return;
    leave_connection();
    finish(switchboard::fail(
        error, call_.method + " " + without_query(call_.url) + (what.empty() ? "" : ": " + what)));
}

void Job::finish(Result<Reply> result) {
    over_ = true;
    result_ = std::move(result);
    finished_();
}

void Job::leave_connection() {
    if (ClientProtocol* const connection = std::exchange(connection_, nullptr))
        connection->cancel(*this);
}

void Job::abandon() {
    over_ = true;
    leave_connection();
}

void Job::resume() {
    if (connection_) connection_->resume(*this);
}

// ---- the reply

void Job::on_head(const ReplyHead& head) {
    if (begins_redirect(head)) {
        if (head.length > kMostSkipped) follow();
        return;
    }
    begin_reply(head);
    if (has_body(head) && !gunzip_ && !hooks_.on_piece && head.length > options_.max_body)
        return fail(errc::message_too_large, "the body is longer than max_body");
    if (hooks_.on_head) hooks_.on_head(reply_);
}

bool Job::has_body(const ReplyHead& head) const noexcept {
    return call_.method != "HEAD" && head.status != 304;
}

void Job::begin_reply(const ReplyHead& head) {
    reply_ = {.status = head.status, .url = to_text(url_)};
    for (const Field& field : head.fields) reply_.fields.emplace_back(field.name, field.value);
    // Part of a compressed body cannot be decompressed.
    if (asked_gzip_ && has_body(head) && head.status != 206 && is_gzip(head))
        gunzip_ = std::make_unique<Gunzip>();
}

bool Job::on_body(Bytes piece) {
    if (over_) return true;
    if (location_) {
        skipped_ += piece.size();
        if (skipped_ > kMostSkipped) follow();
        return true;
    }
    if (gunzip_) return decode(piece);
    return piece.empty() || deliver(piece);
}

bool Job::decode(Bytes piece) {
    gunzip_->add(piece);
    Bytes part;
    while (!over_) {
        switch (gunzip_->next(part)) {
            case Gunzip::Outcome::needs_more: return true;
            case Gunzip::Outcome::malformed: fail(client_errc::bad_encoding, "gzip"); break;
            case Gunzip::Outcome::data:
                if (!deliver(part)) return false;
        }
    }
    return true;
}

// Returns false if the user wants a pause.
bool Job::deliver(Bytes piece) {
    if (hooks_.on_piece) return hooks_.on_piece(piece);
    if (piece.size() <= options_.max_body - reply_.body.size()) {
        reply_.body += as_text(piece);
    } else {
        fail(errc::message_too_large, "the body is longer than max_body");
    }
    return true;
}

void Job::on_end(Ending ending) {
    connection_ = nullptr;
    if (over_) return;
    if (ending.error) {
        return may_retry(ending) ? lend(true) : fail(ending.error, ending.why);
    }
    if (location_) return follow();
    if (gunzip_ && !gunzip_->is_whole())
        return fail(errc::incomplete_message, "the compressed body is cut off");
    reply_.trailers = std::move(ending.trailers);
    finish(std::move(reply_));
}

// The server may have closed the connection before it saw the request (RFC 9112, section 9.3.1).
bool Job::may_retry(const Ending& ending) const noexcept {
    return kept_ && ending.nothing_came && !call_.body_source && is_idempotent(call_.method) &&
           ending.error != std::errc::timed_out && ending.error != errc::stopping &&
           ending.error != errc::handler_failed;
}

// ---- redirects

bool Job::begins_redirect(const ReplyHead& head) {
    if (options_.redirects == 0 || !is_redirect(head.status)) return false;
    const Field* const location = find(head, "location");
    if (!location) return false;
    location_ = location->value;
    reply_.status = head.status;
    skipped_ = 0;
    return true;
}

void Job::follow() {
    leave_connection();
    const std::string location = *std::exchange(location_, std::nullopt);
    if (redirects_ == options_.redirects) return fail(client_errc::too_many_redirects, "");
    auto to = resolve(url_, location);
    if (!to) return fail(client_errc::bad_redirect, to.error().context());
    if (url_.secure && !to->secure) return fail(client_errc::insecure_redirect, "");
    const std::string method(method_after(reply_.status, call_.method));
    if (method != call_.method) {
        call_.method = method;
        call_.body.clear();
        call_.body_source = nullptr;
        call_.body_length.reset();
    } else if (call_.body_source) {
        return fail(client_errc::bad_redirect, "body_source cannot be sent again");
    }
    follow_to(std::move(*to));
}

void Job::follow_to(Url url) {
    ++redirects_;
    prune(call_.fields, !call_.body.empty(), is_same_origin(url_, url));
    url_ = std::move(url);
    lend(false);
}

}  // namespace switchboard::http::detail
