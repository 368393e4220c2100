#include "connection_log.hpp"

namespace switchboard::detail {
namespace {

// Makes the text only if there is a sink.
template <class MakeText>
void log_made(const LogSink& sink, LogLevel level, const MakeText& make_text) noexcept {
    if (!sink) return;
    try {
        sink(level, make_text());
    } catch (...) {  // a failed log message must not end the server
    }
}

std::string refusal(const Socket& socket, const std::string& why) {
    const auto peer = socket.peer();
    return "connection from " + (peer ? peer->to_string() : "an unknown peer") + " refused: " + why;
}

}  // namespace

void ConnectionLog::serve(BlockingConnection& connection) const {
    ++stats_->open;
    connection.serve();
    report(connection);
    --stats_->open;  // first: if killed in between, it must not be counted twice
    ++stats_->closed;
    if (connection.close_reason() == errc::stopping) ++stats_->aborted_by_stop;
}

void ConnectionLog::report(const BlockingConnection& connection) const {
    if (!connection.close_reason()) return;
    const bool failed = !connection.failure().empty();
    log_made(log_, failed ? LogLevel::error : LogLevel::debug, [&] {
        const std::string why = failed ? connection.failure() : connection.close_reason().message();
        return "connection from " + connection.peer().to_string() + ": " + why;
    });
}

void ConnectionLog::refuse(const Socket& socket, std::string_view why,
                           std::string_view more) const {
    ++stats_->refused;
    log_made(log_, LogLevel::warning,
             [&] { return refusal(socket, std::string(why) + std::string(more)); });
}

void ConnectionLog::refuse(const Socket& socket, const Error& why) const {
    ++stats_->refused;
    log_made(log_, LogLevel::warning, [&] { return refusal(socket, why.message()); });
}

void ConnectionLog::log(LogLevel level, const Error& error) const {
    log_made(log_, level, [&] { return error.message(); });
}

void ConnectionLog::log(LogLevel level, const EndedChild& child) const {
    log_made(log_, level, [&] { return describe(child); });
}

}  // namespace switchboard::detail
