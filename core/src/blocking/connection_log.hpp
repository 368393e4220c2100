// The statistics and log messages of the connections of a blocking server.
#pragma once

#include <switchboard/blocking.hpp>

#include "child_group.hpp"
#include "connection.hpp"

namespace switchboard::detail {

// Threading: used by all threads of a server at once. No member throws: if memory runs out or the sink
// throws, the line is not written.
class ConnectionLog {
public:
    explicit ConnectionLog(const ServeOptions& options) noexcept  // borrowed
        : log_(options.log), stats_(options.stats != nullptr ? options.stats : &own_) {}

    // Serves the connection until it ends.
    void serve(BlockingConnection& connection) const;
    void refuse(const Socket& socket, std::string_view why, std::string_view more = {}) const;
    void refuse(const Socket& socket, const Error& why) const;
    void log(LogLevel level, const Error& error) const;
    void log(LogLevel level, const EndedChild& child) const;

    ServeStats& stats() const noexcept { return *stats_; }
    void count_in(ServeStats& stats) noexcept { stats_ = &stats; }  // replaces ServeOptions::stats

private:
    void report(const BlockingConnection& connection) const;

    const LogSink& log_;
    mutable ServeStats own_;
    ServeStats* stats_;
};

}  // namespace switchboard::detail
