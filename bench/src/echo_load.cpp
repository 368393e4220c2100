#include "echo_load.hpp"

#include <algorithm>

namespace switchboard::bench {

Failure failure_of(std::error_code reason) {
    if (reason == std::errc::connection_refused) return Failure::refused;
    if (reason == std::errc::connection_reset || reason == std::errc::broken_pipe) {
        return Failure::reset;
    }
    return reason == std::errc::timed_out ? Failure::timed_out : Failure::other;
}

const char* to_string(Failure failure) noexcept {
    constexpr std::array<const char*, kFailures> names{
        "refused", "reset", "closed by the server", "timed out", "wrong bytes", "failed"};
    return names[static_cast<std::size_t>(failure)];
}

Load::Load(std::size_t size, std::size_t depth, std::function<Clock::time_point()> clock)
    : size_(size), depth_(depth), clock_(std::move(clock)), pattern_(size) {}

void Load::start() {
    started_ = true;
    const auto now = clock_();
    for (EchoLoad* client : open_) {
        if (client != nullptr) client->fill(now);
    }
}

void Load::open_window(Clock::duration length) {
    tally_.exchanges = 0;
    tally_.served = 0;
    tally_.latency.reset();
    ++window_;
    window_ends_ = clock_() + length;
}

void Load::enter(EchoLoad& client) {
    if (client.number_ >= open_.size()) open_.resize(client.number_ + 1);
    open_[client.number_] = &client;
    ++tally_.connected;
    ++connects_ended_;
}

void Load::count_reply(EchoLoad& client, Clock::duration latency) {
    const auto elapsed = std::chrono::duration_cast<std::chrono::nanoseconds>(latency);
    tally_.latency.record(static_cast<std::uint64_t>(elapsed.count()));
    ++tally_.exchanges;
    if (client.window_ == window_) return;
    client.window_ = window_;
    ++tally_.served;
}

void Load::count_failure(Failure failure, const std::string& message) {
    ++tally_.failed;
    ++tally_.failures[static_cast<std::size_t>(failure)];
    if (failure == Failure::other && tally_.first_failure.empty()) tally_.first_failure = message;
}

void Load::never_started(const std::string& message) {
    ++connects_ended_;
    ++decided_;
    count_failure(Failure::other, message);
}

EchoLoad::EchoLoad(Load& load, std::size_t number)
    : load_(load), number_(number), entry_(Pattern::entry(number)), sent_at_(load.depth()) {}

void EchoLoad::on_open(Connection& connection) {
    connection_ = &connection;
    load_.enter(*this);
    fill(load_.clock_());
    if (load_.on_change) load_.on_change();
}

std::size_t EchoLoad::on_data(Connection& connection, MutableBytes in) {
    if (load_.stopped_ || failed_) return in.size();
    const std::uint64_t due = sent_ * load_.size() - received_;
    if (in.size() > due || !load_.pattern_.matches(entry_ + received_, in)) {
        fail(Failure::wrong_bytes, {});
        connection.abort(errc::malformed_message);
        return in.size();
    }
    received_ += in.size();
    if (received_ / load_.size() > completed_) complete(load_.clock_());
    return in.size();
}

void EchoLoad::complete(Clock::time_point now) {
    if (now >= load_.window_ends_) {
        load_.stop();
        if (load_.on_window_end) load_.on_window_end();
        return;
    }
    const bool first = completed_ == 0;
    while (received_ / load_.size() > completed_) {
        load_.count_reply(*this, now - sent_at_[completed_ % sent_at_.size()]);
        ++completed_;
    }
    if (load_.started_) fill(now);
    if (!first) return;
    ++load_.tally_.answered;
    ++load_.decided_;
    if (load_.on_change) load_.on_change();
}

void EchoLoad::fill(Clock::time_point now) {
    const std::uint64_t under_way = load_.started_ ? load_.depth() : 1;
    if (load_.stopped_ || failed_) return;
    for (; sent_ - completed_ < under_way; ++sent_) {
        sent_at_[sent_ % sent_at_.size()] = now;
        connection_->write(load_.pattern_.at(entry_ + sent_ * load_.size(), load_.size()));
    }
}

void EchoLoad::on_eof(Connection& connection) {
    fail(Failure::closed, {});
    connection.close();
}

void EchoLoad::on_close(std::error_code reason) noexcept {
    if (connection_ == nullptr) {
        ++load_.connects_ended_;
    } else {
        load_.open_[number_] = nullptr;
        connection_ = nullptr;
    }
    fail(failure_of(reason), reason.message());
}

void EchoLoad::fail(Failure failure, const std::string& message) {
    if (failed_ || load_.stopped_) return;
    failed_ = true;
    if (completed_ == 0) ++load_.decided_;
    load_.count_failure(failure, message);
    if (load_.on_change) load_.on_change();
}

}  // namespace switchboard::bench
