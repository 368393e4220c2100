#include "once.hpp"

namespace switchboard::bench {

std::string OnceTally::failures_text() const {
    const std::string text = bench::failures_text(failures);
    return first_failure.empty() ? text : text + " (first: " + first_failure + ")";
}

OnceTally& operator+=(OnceTally& sum, const OnceTally& part) {
    sum.connected += part.connected;
    sum.connects_ended += part.connects_ended;
    sum.answered += part.answered;
    sum.decided += part.decided;
    sum.ended += part.ended;
    sum.failed += part.failed;
    for (std::size_t kind = 0; kind < kFailures; ++kind) sum.failures[kind] += part.failures[kind];
    if (sum.first_failure.empty()) sum.first_failure = part.first_failure;
    return sum;
}

void Once::count_failure(Failure failure, const std::string& message) {
    ++tally.failed;
    ++tally.failures[static_cast<std::size_t>(failure)];
    if (tally.first_failure.empty()) tally.first_failure = message;
}

void Once::never_started(const std::string& message) {
    ++tally.connects_ended;
    ++tally.decided;
    ++tally.ended;
    count_failure(Failure::other, message);
}

OnceClient::OnceClient(Once& once, std::size_t number)
    : once_(once), entry_(Pattern::entry(number)) {}

void OnceClient::ask(Connection& connection) {
    asked_ += once_.size;
    connection.write(once_.pattern.at(entry_, once_.size));
}

void OnceClient::on_open(Connection& connection) {
    opened_ = true;
    ++once_.tally.connected;
    ++once_.tally.connects_ended;
    if (once_.asks_at_once) ask(connection);
    once_.on_change();
}

std::size_t OnceClient::on_data(Connection& connection, MutableBytes in) {
    const bool right =
        in.size() <= asked_ - received_ && once_.pattern.matches(entry_ + received_, in);
    if (!right) return wrong_bytes(connection, in.size());
    received_ += in.size();
    if (received_ < once_.size) return in.size();
    ++once_.tally.answered;
    ++once_.tally.decided;
    closed_ = once_.closes;
    if (closed_) connection.close();
    once_.on_change();
    return in.size();
}

std::size_t OnceClient::wrong_bytes(Connection& connection, std::size_t size) {
    fail(Failure::wrong_bytes, "a byte is not what was sent");
    connection.abort(errc::malformed_message);
    return size;
}

void OnceClient::on_eof(Connection& connection) {
    fail(Failure::closed, "closed by the server");
    connection.close();
}

void OnceClient::on_close(std::error_code reason) noexcept {
    ++once_.tally.ended;
    if (!opened_) ++once_.tally.connects_ended;
    if (!closed_ || reason) fail(failure_of(reason), reason.message());
    once_.on_change();
}

void OnceClient::fail(Failure failure, const std::string& message) {
    if (failed_) return;
    failed_ = true;
    if (received_ < once_.size) ++once_.tally.decided;
    once_.count_failure(failure, message);
}

}  // namespace switchboard::bench
