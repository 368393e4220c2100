// The PROXY protocol, versions 1 and 2: a proxy tells the server behind it the address of the client.
// Source: "The PROXY protocol", haproxy.org, doc/proxy-protocol.txt; section numbers here refer to it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <switchboard/bytes.hpp>
#include <switchboard/endpoint.hpp>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard {

enum class ProxyCommand : std::uint8_t {
    local,  // the proxy's own connection, such as a health check; it has no client
    proxy,  // a connection that the proxy made for a client
};

// The registered types (2.2.1 to 2.2.7). All other values from 0 to 255 are types as well: 0xe0 to 0xef
// for applications, 0xf0 to 0xf7 for experiments (2.2.8).
enum class ProxyTlvType : std::uint8_t {
    alpn = 0x01,
    authority = 0x02,  // the host name that the client asked for, such as the SNI of TLS
    crc32c = 0x03,     // see ProxyHeader::checksum
    noop = 0x04,
    unique_id = 0x05,  // at most 128 bytes
    ssl = 0x20,        // see ProxySsl; contains the types from here to 0x28
    ssl_version = 0x21,
    ssl_common_name = 0x22,
    ssl_cipher = 0x23,
    ssl_signature_algorithm = 0x24,
    ssl_key_algorithm = 0x25,
    ssl_group = 0x26,
    ssl_signature_scheme = 0x27,
    ssl_client_certificate = 0x28,
    netns = 0x30,
};

// One entry of a version 2 header. The value has at most 65,535 bytes and need not be text.
struct ProxyTlv {
    ProxyTlvType type = ProxyTlvType::noop;
    std::string value = {};

    friend bool operator==(const ProxyTlv&, const ProxyTlv&) = default;
};

// Returns the value of the first entry of that type, or null.
const std::string* find_tlv(const std::vector<ProxyTlv>& tlvs, ProxyTlvType type) noexcept;

// What the proxy knows about the client's TLS connection (2.2.6).
struct ProxySsl {
    static constexpr std::uint8_t kTls = 0x01;                      // bits of `client`
    static constexpr std::uint8_t kCertificateOnConnection = 0x02;  // a certificate was presented
    static constexpr std::uint8_t kCertificateInSession = 0x04;  // or earlier, in this TLS session

    std::uint8_t client = 0;
    std::uint32_t verify = 0;  // 0 if verification found no error
    std::vector<ProxyTlv> tlvs = {};

    // Returns whether the client presented a certificate and the proxy verified it. `verify` alone is not
    // enough: haproxy also sends 0 if there was no certificate.
    bool has_verified_certificate() const noexcept {
        return verify == 0 && (client & (kCertificateOnConnection | kCertificateInSession)) != 0;
    }

    // Returns the entry for ProxyHeader::tlvs. Errors: std::errc::invalid_argument above 65,535 bytes.
    [[nodiscard]] Result<ProxyTlv> to_tlv() const;

    friend bool operator==(const ProxySsl&, const ProxySsl&) = default;
};

// A header that was received or is to be sent. A value.
struct ProxyHeader {
    std::uint8_t version = 2;  // 1 is text, 2 is binary
    ProxyCommand command = ProxyCommand::proxy;
    // The client, and the address that it connected to: both tcp, both udp (version 2), both unix
    // (version 2), or both Kind::none if the proxy names no endpoints (UNKNOWN in version 1, UNSPEC in
    // version 2). With ProxyCommand::local they are Kind::none.
    Endpoint source = {};
    Endpoint destination = {};
    bool unix_datagram =
        false;              // the unix endpoints are SOCK_DGRAM; Endpoint::kind() does not say so
    bool checksum = false;  // version 2: a CRC32C is sent, or was received and is correct
    // Version 2, in the order of the header, without the CRC32C. Empty if the header names no endpoints:
    // receivers skip everything after its first 16 bytes (2.2).
    std::vector<ProxyTlv> tlvs = {};

    // Returns whether the endpoints replace those of the connection. If not, the connection's own apply.
    bool has_endpoints() const noexcept { return source.kind() != Endpoint::Kind::none; }
    const std::string* find(ProxyTlvType type) const noexcept { return find_tlv(tlvs, type); }
    // Returns the first entry of type ssl, decoded; nullopt if there is no such entry.
    std::optional<ProxySsl> ssl() const;

    friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

// The default maximum size of a received header in bytes, as in nginx. The specification asks senders to
// stay below 536 bytes (2) and can express 65,551; version 1 has at most 107 (2.1).
inline constexpr std::size_t kMaxProxyHeader = 4096;

// The result of parse_proxy_header().
struct ProxyFront {
    std::size_t size = 0;  // bytes of the header; 0: it is not whole yet, and `header` is not set
    ProxyHeader header = {};
};

// Reads the header at the front of `in`, which holds all bytes that the sender has sent so far. While the
// result has size 0, call again with more bytes; the split makes no difference. A wrong signature, version,
// command, family or length is refused as soon as it arrives, other faults once the header is whole.
// `max_size` limits version 2.
// Errors: errc::malformed_message, and errc::message_too_large above max_size. The text names the fault
// and quotes at most 107 printable bytes from the sender.
[[nodiscard]] Result<ProxyFront> parse_proxy_header(Bytes in,
                                                    std::size_t max_size = kMaxProxyHeader);

// Returns the bytes of a header, which must be sent before all others and at once (2). If only one endpoint
// is IPv6, the other is sent IPv4-mapped. Errors: std::errc::invalid_argument; the text names what cannot be
// expressed: a version other than 1 and 2; in version 1 LOCAL, udp, unix, TLVs and a checksum; endpoints
// that differ in kind, host names, "*", IPv6 zones, unix paths above 108 bytes; TLVs without endpoints,
// of type crc32c, or that the receiver would refuse; more than 65,551 bytes.
[[nodiscard]] Result<std::string> encode_proxy_header(const ProxyHeader& header);

// The peers whose headers are used. Any other peer could forge its client (5), so a default ProxyTrust trusts
// no peer.
class ProxyTrust {
public:
    // A comma-separated list without spaces of addresses ("127.0.0.1", "::1"), networks ("10.0.0.0/8",
    // "fd00::/8"), "unix" (every peer on a unix socket) and "any". An IPv4-mapped IPv6 address or network
    // (from /96 on) counts as the IPv4 one. Errors: errc::bad_option; the text names the entry and its error.
    [[nodiscard]] static Result<ProxyTrust> parse(std::string_view list);

    // Ignores an IPv6 zone of the peer. "::/0" contains every IPv6 address and no IPv4 address.
    bool trusts(const Endpoint& peer) const;

private:
    struct Network {
        std::array<std::uint8_t, 16> address;  // IPv4 is mapped
        std::size_t bits;
    };

    static Result<Network> read_network(std::string_view entry);
    Result<void> add(std::string_view entry);

    std::vector<Network> networks_;
    bool unix_ = false;
    bool any_ = false;
};

// A value. `limits` are the driver's; max_read_buffer also applies to the protocol above the layer.
struct ProxyReceiveOptions {
    ProxyTrust trust = {};                            // peers that must send a header
    std::chrono::milliseconds header_timeout{5'000};  // from on_open until it is whole; 0: no limit
    std::size_t max_header = kMaxProxyHeader;  // bytes, at least 16; at most max_read_buffer count
    ConnectionLimits limits = {};
};

// For a server behind a proxy: returns a factory that puts a layer between each Protocol that `above` makes
// and its driver, which may be any. Errors: errc::bad_option; the text names the option that is out of
// range. Threading: several threads may use the factory.
//
// - A trusted peer must send a header. The protocol above is opened once the header is whole. peer() and
//   local() are then its source and destination, and peer_credentials() returns errc::unsupported. If the
//   header names no endpoints, all three remain those of the connection.
// - An untrusted peer is served as if there were no layer: it cannot change peer(), and a header that it
//   sends is data.
// - If a connection ends before its header is whole, only on_close is called: with errc::malformed_message
//   (no header, or one for datagrams), errc::message_too_large, errc::first_byte_timed_out (header_timeout),
//   errc::incomplete_message (it ended within the header), or {} (it ended before the first byte, as health
//   checks do).
// - Accept control, statistics and logs of the driver name the proxy, which owns the connection.
[[nodiscard]] Result<ProtocolFactory> receive_proxy_header(ProtocolFactory above,
                                                           const ProxyReceiveOptions& options);

// A value. `limits` as above.
struct ProxySendOptions {
    std::uint8_t version = 2;
    bool checksum = false;  // a CRC32C in each header that names endpoints
    // Returns command, endpoints and TLVs of the header for the connection `below`; the version and checksum
    // above replace the header's. Called once per connection, on its driver's thread. Empty: the header goes
    // from local() to peer() of the connection, or names no endpoints if the version cannot express them.
    std::function<ProxyHeader(const Connection& below)> header_for = {};
    ConnectionLimits limits = {};
};

// For a client or a proxy: returns a factory that sends a header before the first byte of each protocol, or
// at once if the protocol writes nothing. If the header cannot be encoded, the connection ends and only
// on_close is called, with std::errc::invalid_argument. Errors: errc::bad_option; the text names the option
// that is out of range.
[[nodiscard]] Result<ProtocolFactory> send_proxy_header(ProtocolFactory above,
                                                        const ProxySendOptions& options);

}  // namespace switchboard
