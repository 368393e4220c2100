#include "lent_security.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace switchboard::plugin_host {
namespace {

sb_identity lend(const Identity& identity, const std::vector<const char*>& names) {
    sb_identity lent{.struct_size = sizeof lent,
                     .subject = identity.subject.c_str(),
                     .names = names.data(),
                     .name_count = names.size(),
                     .der = {identity.der.data(), identity.der.size()},
                     .fingerprint = {}};
    std::transform(identity.fingerprint.begin(), identity.fingerprint.end(), lent.fingerprint,
                   [](std::byte byte) { return static_cast<std::uint8_t>(byte); });
    return lent;
}

}  // namespace

void lend_security(const Security& security, void (*use)(void*, const sb_security*), void* arg) {
    std::vector<const char*> names;
    sb_identity peer{};
    if (security.peer) {
        for (const std::string& name : security.peer->names) names.push_back(name.c_str());
        peer = lend(*security.peer, names);
    }
    const sb_security lent{.struct_size = sizeof lent,
                           .resumed = security.resumed ? 1 : 0,
                           .version = security.version.c_str(),
                           .cipher = security.cipher.c_str(),
                           .protocol = security.protocol.c_str(),
                           .server_name = security.server_name.c_str(),
                           .peer = security.peer ? &peer : nullptr};
    use(arg, &lent);
}

}  // namespace switchboard::plugin_host
