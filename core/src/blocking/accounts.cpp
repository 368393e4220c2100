#include "accounts.hpp"

namespace switchboard::detail {
namespace {

// The text is made only if somebody reads it.
template <class MakeText>
void log_made(const LogSink& sink, LogLevel level, const MakeText& make_text) noexcept {
    if (!sink) return;
    try {
        sink(level, make_text());
    } catch (...) {  // a server does not end for want of a log
    }
}

}  // namespace

void Accounts::serve(BlockingConnection& connection) const {
    ++stats_->open;
    connection.serve();
    report(connection);
    --stats_->open;
    ++stats_->closed;
}

void Accounts::report(const BlockingConnection& connection) const {
    if (!connection.reason()) return;
    const bool failed = !connection.failure().empty();
    log_made(log_, failed ? LogLevel::error : LogLevel::debug, [&] {
        const std::string why = failed ? connection.failure() : connection.reason().message();
        return "connection from " + connection.peer().to_string() + ": " + why;
    });
}

void Accounts::refuse(const Socket& socket, std::string_view why, std::string_view more) const {
    ++stats_->refused;
    log_made(log_, LogLevel::warning, [&] {
        const auto peer = socket.peer();
        const std::string name = peer ? peer->to_string() : "an unknown peer";
        return "connection from " + name + " refused: " + std::string(why) + std::string(more);
    });
}

void Accounts::log(LogLevel level, std::string_view text) const {
    log_made(log_, level, [&] { return text; });
}

}  // namespace switchboard::detail
