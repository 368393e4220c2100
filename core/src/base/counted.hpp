// Numbers of things, in messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace switchboard::detail {

// "1 connection", "2 connections".
inline std::string counted(std::size_t count, std::string_view what) {
    return std::to_string(count).append(" ").append(what).append(count == 1 ? "" : "s");
}

}  // namespace switchboard::detail
