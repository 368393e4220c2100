#include "load_client.hpp"

#include <algorithm>

namespace switchboard::bench {

void LoadClient::on_open(Connection& connection) {
    connection_ = &connection;
    load_.opened(*this);
    opened();
    if (load_.on_change) load_.on_change();
}

std::size_t LoadClient::on_data(Connection&, MutableBytes in) {
    return load_.stopped() || failed_ || left_ ? in.size() : heard(in);
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
    if (!was_open) load_.lose_reopening(number_);  // after it has failed: this may end the load
    if (left_ && !failed_) load_.offer(number_, load_.now());
}

void LoadClient::answered() {
    if (answered_) return;
    answered_ = true;
    if (!born_) load_.answered_first();
    if (load_.on_change) load_.on_change();
}

std::size_t LoadClient::wrong_bytes(MutableBytes in) {
    fail(Failure::wrong_bytes, {});
    connection_->abort(errc::malformed_message);
    return in.size();
}

void LoadClient::leave() {
    left_ = true;
    connection_->close();
}

void LoadClient::fail(Failure failure, const std::string& message) {
    if (failed_ || left_ || load_.stopped()) return;
    failed_ = true;
    give_up();
    if (connection_ != nullptr) load_.failed(*this);
    load_.count_failure(failure, message, !answered_ && !born_);
    if (load_.on_change) load_.on_change();
}

Conversation::Conversation(Load& load, std::size_t number)
    : LoadClient(load, number), under_way_(std::max<std::size_t>(load.pace().depth, 1)) {}

void Conversation::opened() {
    const auto now = load().now();
    // The first of an open loop is none of those that are due.
    const auto asked = load().pace().open_loop ? Clock::time_point::min() : now;
    ask_for(born().value_or(asked), now);
    for (std::size_t more = 1; more < load().pace().depth; ++more) load().offer(number(), now);
}

void Conversation::give(Clock::time_point due) {
    ask_for(due, load().pace().open_loop ? load().now() : due);
}

void Conversation::ask_for(Clock::time_point due, Clock::time_point now) {
    under_way_[asked_++ % under_way_.size()] = {due, now};
    ask();
}

std::size_t Conversation::heard(MutableBytes in) {
    const Heard heard = hear(in);
    if (heard.used < in.size()) return wrong_bytes(in);
    if (heard.replies > 0) complete(heard.replies, load().now());
    return in.size();
}

void Conversation::complete(std::uint64_t replies, Clock::time_point now) {
    for (std::uint64_t i = 0; i < replies; ++i) {
        if (!load().count_reply(number(), under_way_[replied_++ % under_way_.size()], now)) return;
    }
    answered();
    const std::uint64_t most = load().pace().per_connection;
    if (most > 0 && replied_ >= most) {
        leave();
        return;
    }
    for (std::uint64_t i = 0; i < replies; ++i) load().offer(number(), now);
}

void Conversation::give_up() {
    const auto now = load().now();
    while (replied_ < asked_)
        load().count_unanswered(under_way_[replied_++ % under_way_.size()], now);
}

}  // namespace switchboard::bench
