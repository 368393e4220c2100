#include "load/client.hpp"

#include <algorithm>

namespace switchboard::bench {

void LoadClient::on_open(Connection& connection) {
    connection_ = &connection;
    load_.opened(*this);
    opened();
    if (load_.on_change) load_.on_change();
}

std::size_t LoadClient::on_data(Connection&, MutableBytes in) {
    load_.count_bytes(in.size());
    return load_.stopped() || failed_ || finished_ ? in.size() : on_bytes(in);
}

void LoadClient::on_eof(Connection& connection) {
    fail(Failure::closed, {});
    connection.close();
}

void LoadClient::on_close(std::error_code reason) noexcept {
    const bool was_open = connection_ != nullptr;
    load_.closed(*this, was_open);
    connection_ = nullptr;
    fail(failure_of(reason), reason.message());
    if (!was_open) load_.lose_reopening(number_);  // after fail(): this may end the load
    if (finished_ && !failed_) load_.ready(number_, load_.now());
}

void LoadClient::answered() {
    if (answered_) return;
    answered_ = true;
    if (!created_) load_.answered_first();
    if (load_.on_change) load_.on_change();
}

std::size_t LoadClient::wrong_bytes(MutableBytes in) {
    fail(Failure::wrong_bytes, {});
    connection_->abort(errc::malformed_message);
    return in.size();
}

void LoadClient::finish() {
    finished_ = true;
    connection_->close();
}

void LoadClient::fail(Failure failure, const std::string& message) {
    if (failed_ || finished_ || load_.stopped()) return;
    failed_ = true;
    give_up();
    if (connection_ != nullptr) load_.failed(*this);
    load_.count_failure(failure, message, !answered_ && !created_);
    if (load_.on_change) load_.on_change();
}

Conversation::Conversation(Load& load, std::size_t number)
    : LoadClient(load, number), in_flight_(std::max<std::size_t>(load.pace().depth, 1)) {}

void Conversation::opened() {
    const auto now = load().now();
    // In an open loop, the first request is not one of those that are due.
    const auto due = load().pace().open_loop ? Clock::time_point::min() : now;
    send(created().value_or(due), now);
    for (std::size_t more = 1; more < load().pace().depth; ++more) load().ready(number(), now);
}

void Conversation::send_next(Clock::time_point due) {
    send(due, load().pace().open_loop ? load().now() : due);
}

void Conversation::send(Clock::time_point due, Clock::time_point now) {
    in_flight_[sent_++ % in_flight_.size()] = {due, now};
    load().count_bytes(send_request());
}

std::size_t Conversation::on_bytes(MutableBytes in) {
    std::uint64_t replies = 0;
    std::size_t used = 0;
    while (used < in.size() && replied_ + replies < sent_) {
        const Match matched = match(replied_ + replies, Bytes(in).subspan(used));
        used += matched.used;
        if (!matched.is_whole) break;
        ++replies;
    }
    if (used < in.size()) return wrong_bytes(in);
    if (replies > 0) complete(replies, load().now());
    return in.size();
}

void Conversation::complete(std::uint64_t replies, Clock::time_point now) {
    bool goes_on = true;
    for (std::uint64_t i = 0; i < replies; ++i) {
        const Load::Request& request = in_flight_[replied_++ % in_flight_.size()];
        goes_on = load().count_reply(number(), request, now) && goes_on;
    }
    if (!goes_on) return;
    answered();
    const std::uint64_t most = load().pace().per_connection;
    if (most > 0 && replied_ >= most) {
        finish();
        return;
    }
    for (std::uint64_t i = 0; i < replies; ++i) load().ready(number(), now);
}

void Conversation::give_up() {
    const auto now = load().now();
    while (replied_ < sent_)
        load().count_unanswered(in_flight_[replied_++ % in_flight_.size()], now);
}

}  // namespace switchboard::bench
