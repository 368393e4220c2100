// What the host's side of a call does in every table.
#pragma once

#include <switchboard/plugin.h>
#include <algorithm>
#include <exception>
#include <span>
#include <string>
#include <switchboard/bytes.hpp>
#include <tl/expected.hpp>

#include "text.hpp"

namespace switchboard::plugin_host {

inline constexpr sb_error kNoMemory{SB_GENERIC,
                                    static_cast<std::int32_t>(std::errc::not_enough_memory)};

// Runs what allocates for a plugin: std::bad_alloc must not pass through the plugin.
template <class Call, class Value>
Value or_if_no_memory(Value otherwise, Call call) noexcept {
    try {
        return call();
    } catch (...) {
        return otherwise;
    }
}

inline Bytes bytes_of(const sb_bytes& piece) noexcept {
    return {static_cast<const std::byte*>(piece.data), piece.size};
}

struct CallFailure {
    bool threw = false;
    std::string text;
};

// Calls a callback that returns 0, or writes a reason and returns something else.
template <class Call>
tl::expected<void, CallFailure> succeed(const std::string& name, Call call) {
    Reason why{};
    const auto threw = [&](const std::string& what) {
        return tl::unexpected(CallFailure{true, name + "() threw" + what});
    };
    try {
        if (call(why.data(), why.size() - 1) == 0) return {};
    } catch (const std::exception& thrown) {
        return threw(": " + one_line(thrown.what()));
    } catch (...) {
        return threw(" an unknown exception");
    }
    const std::string reason = one_line(why.data());
    return tl::unexpected(
        CallFailure{false, reason.empty() ? name + "() failed and gave no reason" : reason});
}

}  // namespace switchboard::plugin_host
