// The error categories that both sides of the interface know.
#pragma once

#include <switchboard/plugin.h>
#include <switchboard/error.hpp>

namespace switchboard::plugin {

// Returns 0 for another category.
inline std::int32_t common_domain(const std::error_category& category) noexcept {
    if (category == std::system_category()) return SB_SYSTEM;
    if (category == std::generic_category()) return SB_GENERIC;
    if (category == switchboard::category()) return SB_SWITCHBOARD;
    if (category == resolver_category()) return SB_RESOLVER;
    return 0;
}

// Returns null for another domain.
inline const std::error_category* common_category(std::int32_t domain) noexcept {
    switch (domain) {
        case SB_SYSTEM: return &std::system_category();
        case SB_GENERIC: return &std::generic_category();
        case SB_SWITCHBOARD: return &category();
        case SB_RESOLVER: return &resolver_category();
        default: return nullptr;
    }
}

}  // namespace switchboard::plugin
