#include "peer.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "connection_number.hpp"
#include "errors.hpp"
#include "stream.hpp"

namespace switchboard::plugin {
namespace {

// Runs in the host's hands: destroys what kept a buffer or a file alive.
template <class Owner>
void release_owner(void* owner) {
    delete static_cast<Owner*>(owner);
}

Endpoint endpoint_of(const sb_peer* peer, bool local) {
    return read_endpoint([&](char* out, std::size_t size) {
        return host->endpoint(peer, local ? 1 : 0, out, size);
    });
}

}  // namespace

bool Peer::write(std::span<const Bytes> pieces) {
    std::array<sb_bytes, 16> part{};
    bool takes_more = !closing();
    while (!pieces.empty()) {
        const std::size_t count = std::min(pieces.size(), part.size());
        std::transform(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(count),
                       part.begin(), [](Bytes piece) {
                           return sb_bytes{piece.data(), piece.size()};
                       });
        takes_more = host->write_pieces(peer_, part.data(), count) != 0;
        pieces = pieces.subspan(count);
    }
    return takes_more;
}

bool Peer::write_shared(SharedBytes buffer) {
    using Owner = std::shared_ptr<const void>;
    const Bytes bytes = buffer.bytes;
    return host->write_shared(peer_, bytes.data(), bytes.size(), release_owner<Owner>,
                              new Owner(std::move(buffer.owner))) != 0;
}

void Peer::send_file(FileRange range) {
    using Owner = std::shared_ptr<const File>;
    const int fd = range.file->fd();
    host->send_file(peer_, fd, range.offset, range.length, release_owner<Owner>,
                    new Owner(std::move(range.file)));
}

void Peer::close(std::error_code reason) {
    host->close(peer_, to_c(reason));
}

void Peer::abort(std::error_code reason) {
    host->abort(peer_, to_c(reason));
}

void Peer::switch_to(std::unique_ptr<Protocol> next) {
    host->switch_to(peer_, &adopting_stream(), &next);
}

const Peer::Endpoints& Peer::endpoints() const {
    if (!endpoints_)
        endpoints_ = std::make_unique<Endpoints>(
            Endpoints{endpoint_of(peer_, false), endpoint_of(peer_, true)});
    return *endpoints_;
}

Result<PeerCredentials> Peer::peer_credentials() const {
    sb_credentials found{.struct_size = sizeof(sb_credentials), .pid = -1, .uid = 0, .gid = 0};
    if (const auto error = from_c(host->credentials(peer_, &found)))
        return fail(error, "peer credentials");
    return PeerCredentials{.pid = found.pid, .uid = found.uid, .gid = found.gid};
}

ConnectionId Peer::id() const {
    return id_of(host->id(peer_));
}

}  // namespace switchboard::plugin
