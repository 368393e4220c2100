// What a blocking server counts and logs of its connections.
#pragma once

#include <switchboard/blocking.hpp>

#include "child_group.hpp"
#include "connection.hpp"

namespace switchboard::detail {

// For all its threads at once. No call throws: a line for which there is no memory, or which the
// sink throws at, is not written.
class Accounts {
public:
    explicit Accounts(const ServeOptions& options) noexcept  // borrowed
        : log_(options.log), stats_(options.stats != nullptr ? options.stats : &own_) {}

    // Serves it to its end.
    void serve(BlockingConnection& connection) const;
    void refuse(const Socket& socket, std::string_view why, std::string_view more = {}) const;
    void refuse(const Socket& socket, const Error& why) const;
    void log(LogLevel level, const Error& error) const;
    void log(LogLevel level, const EndedChild& child) const;

    ServeStats& stats() const noexcept { return *stats_; }
    void count_in(ServeStats& stats) noexcept { stats_ = &stats; }  // instead of the options' own

private:
    void report(const BlockingConnection& connection) const;

    const LogSink& log_;
    mutable ServeStats own_;
    ServeStats* stats_;
};

}  // namespace switchboard::detail
