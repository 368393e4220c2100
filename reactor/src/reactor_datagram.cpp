#include <switchboard/reactor_datagram.hpp>

#include <cassert>

#include "reactor_impl.hpp"

namespace switchboard {
namespace {

DatagramOptions non_blocking(DatagramOptions options) {
    options.blocking = Blocking::no;
    return options;
}

}  // namespace

Result<DatagramBound> bind_datagram(Reactor& reactor, const Endpoint& endpoint,
                                    std::unique_ptr<DatagramProtocol> protocol,
                                    const BindOptions& options, SourceLocation location) {
    detail::ReactorImpl& impl = detail::access(reactor);
    assert(impl.on_its_thread("bind_datagram"));
    assert(protocol);
    if (auto fit = impl.admits("bind " + endpoint.to_string()); !fit)
        return tl::unexpected(fit.error());
    if (auto fit = options.limits.check(); !fit) return tl::unexpected(fit.error());
    auto socket = bind_datagram(endpoint, non_blocking(options.socket));
    if (!socket) return tl::unexpected(socket.error());
    const auto local = bound_endpoint(*socket, endpoint);
    if (!local) return tl::unexpected(local.error());
    return impl.datagrams.add(std::move(*socket), *local, std::move(protocol), options.limits,
                              location);
}

Result<DatagramBound> connect_datagram(Reactor& reactor, const Endpoint& peer,
                                       std::unique_ptr<DatagramProtocol> protocol,
                                       const BindOptions& options, SourceLocation location) {
    detail::ReactorImpl& impl = detail::access(reactor);
    assert(impl.on_its_thread("connect_datagram"));
    assert(protocol);
    const std::string tried = "connect " + peer.to_string();
    if (auto fit = impl.admits(tried); !fit) return tl::unexpected(fit.error());
    if (auto fit = options.limits.check(); !fit) return tl::unexpected(fit.error());
    if (peer.kind() == Endpoint::Kind::udp) {
        const auto addresses = peer.addresses();
        if (addresses && addresses->empty())
            return fail(errc::unsupported, tried + ": a name must be resolved first");
    }
    auto socket = connect_datagram(peer, non_blocking(options.socket));
    if (!socket) return tl::unexpected(socket.error());
    const auto local = socket->local();
    if (!local) return tl::unexpected(local.error());
    return impl.datagrams.add(std::move(*socket), *local, std::move(protocol), options.limits,
                              location);
}

DatagramSocket* find_datagram(Reactor& reactor, DatagramId id) noexcept {
    assert(detail::access(reactor).on_its_thread("find_datagram"));
    return detail::access(reactor).datagrams.find(id.value);
}

}  // namespace switchboard
