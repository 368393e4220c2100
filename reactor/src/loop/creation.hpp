// When, and by which call, a handle was created. For active_handles().
#pragma once

#include <switchboard/connection.hpp>
#include <switchboard/live_handle.hpp>
#include <vector>

namespace switchboard::detail {

using LiveHandles = std::vector<LiveHandle>;

struct Creation {
    explicit Creation(const SourceLocation& where) : location(where) {}

    LiveHandle live(LiveHandle::Kind kind, std::string what, std::size_t queued_bytes = 0) const;

    SourceLocation location;
    Clock::time_point at = Clock::now();
};

std::string to_string(const SourceLocation& location);  // "server.cpp:12"

}  // namespace switchboard::detail
