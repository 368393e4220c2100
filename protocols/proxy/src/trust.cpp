#include <algorithm>
#include <switchboard/proxy.hpp>

#include "ip_address.hpp"
#include "text.hpp"

namespace switchboard {
namespace {

constexpr std::size_t kBits = 128;
constexpr std::size_t kMappedBits = 96;  // length of the prefix of IPv4-mapped addresses

tl::unexpected<Error> refused(std::string_view entry, const std::string& why) {
    return fail(errc::bad_option, "trusted source " + detail::quoted(entry) + ": " + why);
}

// Sets all bits after the first `bits` to zero.
detail::IpAddress masked(detail::IpAddress address, std::size_t bits) {
    for (std::size_t i = 0; i < address.size(); ++i) {
        const std::size_t kept = std::clamp(bits, 8 * i, 8 * (i + 1)) - 8 * i;
        address[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return address;
}

std::string written(const detail::IpAddress& address, std::size_t bits) {
    const std::size_t before = detail::is_ipv4(address) ? kMappedBits : 0;
    return detail::text_of(address) + "/" + std::to_string(bits - before);
}

}  // namespace

Result<ProxyTrust::Network> ProxyTrust::read_network(std::string_view entry) {
    const std::size_t slash = std::min(entry.find('/'), entry.size());
    const auto address = detail::read_ip(entry.substr(0, slash));
    if (!address) return refused(entry, "expected an address, a network, 'unix' or 'any'");
    const std::size_t before = detail::read_ipv4(entry.substr(0, slash)) ? kMappedBits : 0;
    const std::size_t most = kBits - before;
    const auto length =
        slash == entry.size() ? most : detail::plain_number<std::size_t>(entry.substr(slash + 1));
    if (!length || *length > most)
        return refused(entry,
                       "the prefix length must be a number from 0 to " + std::to_string(most));
    const Network network{masked(*address, before + *length), before + *length};
    if (network.address == *address) return network;
    return refused(entry, "bits are set after the prefix; the network is " +
                              written(network.address, network.bits));
}

Result<ProxyTrust> ProxyTrust::parse(std::string_view list) {
    ProxyTrust trust;
    for (const std::string_view entry : detail::split(list, ','))
        if (const auto added = trust.add(entry); !added) return tl::unexpected(added.error());
    return trust;
}

Result<void> ProxyTrust::add(std::string_view entry) {
    any_ = any_ || entry == "any";
    unix_ = unix_ || entry == "unix";
    if (entry == "any" || entry == "unix") return {};
    auto network = read_network(entry);
    if (!network) return tl::unexpected(network.error());
    networks_.push_back(*network);
    return {};
}

bool ProxyTrust::trusts(const Endpoint& peer) const {
    if (any_) return true;
    if (peer.kind() == Endpoint::Kind::unix_path) return unix_;
    if (!peer.is_inet()) return false;
    const std::string_view host = peer.host();
    const auto address = detail::read_ip(host.substr(0, host.find('%')));
    return address && std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
               // A network with a shorter prefix than that of mapped addresses contains only IPv6 addresses.
               const bool same_family = network.bits >= kMappedBits || !detail::is_ipv4(*address);
               return same_family && masked(*address, network.bits) == network.address;
           });
}

}  // namespace switchboard
