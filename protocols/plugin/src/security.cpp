#include <switchboard/security.hpp>

#include <algorithm>
#include <exception>
#include <optional>

#include "peer.hpp"

namespace switchboard::plugin {
namespace {

Identity copy_of(const sb_identity& lent) {
    Identity identity{.subject = lent.subject, .names = {lent.names, lent.names + lent.name_count}};
    const auto* const der = static_cast<const std::byte*>(lent.der.data);
    identity.der.assign(der, der + lent.der.size);
    std::transform(std::begin(lent.fingerprint), std::end(lent.fingerprint),
                   identity.fingerprint.begin(), [](std::uint8_t byte) { return std::byte{byte}; });
    return identity;
}

Security copy_of(const sb_security& lent) {
    return {.version = lent.version,
            .cipher = lent.cipher,
            .protocol = lent.protocol,
            .server_name = lent.server_name,
            .resumed = lent.resumed != 0,
            .peer = lent.peer ? std::make_shared<const Identity>(copy_of(*lent.peer)) : nullptr};
}

struct Copy {
    std::optional<Security> security;
    std::exception_ptr failure;
};

// An exception must not pass through the host.
void copy(void* to, const sb_security* lent) noexcept {
    auto& result = *static_cast<Copy*>(to);
    try {
        result.security = copy_of(*lent);
    } catch (...) {
        result.failure = std::current_exception();
    }
}

}  // namespace

std::optional<Security> Peer::security() const {
    Copy result;
    host->security(peer_, copy, &result);
    if (result.failure) std::rethrow_exception(result.failure);
    return std::move(result.security);
}

}  // namespace switchboard::plugin
