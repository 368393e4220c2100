#include "ip_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <algorithm>

namespace switchboard::detail {
namespace {

constexpr std::size_t kMapped = 12;  // bytes before the IPv4 address in an IPv4-mapped address
constexpr IpAddress kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<IpAddress> read_ipv4(std::string_view text) {
    IpAddress address = kMappedPrefix;
    const bool good = inet_pton(AF_INET, std::string(text).c_str(), &address[kMapped]) == 1 &&
                      text.find('\0') == std::string_view::npos;
    return good ? std::optional(address) : std::nullopt;
}

std::optional<IpAddress> read_ipv6(std::string_view text) {
    IpAddress address{};
    const bool good = inet_pton(AF_INET6, std::string(text).c_str(), address.data()) == 1 &&
                      text.find('\0') == std::string_view::npos;
    return good ? std::optional(address) : std::nullopt;
}

std::optional<IpAddress> read_ip(std::string_view text) {
    const auto ipv4 = read_ipv4(text);
    return ipv4 ? ipv4 : read_ipv6(text);
}

IpAddress ip_of_bytes(Bytes bytes) {
    IpAddress address = kMappedPrefix;
    std::transform(bytes.begin(), bytes.end(),
                   address.end() - static_cast<std::ptrdiff_t>(bytes.size()),
                   [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
    return address;
}

bool is_ipv4(const IpAddress& address) noexcept {
    return std::equal(address.begin(), address.begin() + kMapped, kMappedPrefix.begin());
}

std::string text_of(const IpAddress& address, bool mapped) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (is_ipv4(address) && !mapped)
        inet_ntop(AF_INET, &address[kMapped], text.data(), text.size());
    else
        inet_ntop(AF_INET6, address.data(), text.data(), text.size());
    return text.data();
}

}  // namespace switchboard::detail
