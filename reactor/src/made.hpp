// When and by what call something was made, for why_alive().
#pragma once

#include <switchboard/connection.hpp>
#include <switchboard/live_handle.hpp>
#include <vector>

namespace switchboard::detail {

using Site = CallSite;
using LiveHandles = std::vector<LiveHandle>;

struct Made {
    explicit Made(const Site& where) : site(where) {}

    LiveHandle live(LiveHandle::Kind kind, std::string what, std::size_t queued_bytes = 0) const;

    Site site;
    Clock::time_point at = Clock::now();
};

std::string to_string(const Site& site);  // "server.cpp:12"

}  // namespace switchboard::detail
