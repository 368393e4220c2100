#include <switchboard/connection.hpp>

namespace switchboard {

bool Connection::write(Bytes piece) {
    return write(std::span<const Bytes>(&piece, 1));
}

Result<PeerCredentials> Connection::peer_credentials() const {
    return fail(errc::unsupported, "peer credentials");
}

std::optional<Security> Connection::security() const {
    return std::nullopt;
}

std::pmr::memory_resource* Connection::memory() const noexcept {
    return std::pmr::get_default_resource();
}

}  // namespace switchboard
