// Security: what an encrypting layer knows of a connection, for handlers that need not know which layer it
// is.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace switchboard {

// A certificate that was verified. A value. Texts are UTF-8.
struct Identity {
    std::string subject = {};  // "CN=alice,O=Example" (RFC 4514)
    // The alternative names: "DNS:a.example", "IP:192.0.2.1", "URI:spiffe://...", "email:a@example.org".
    std::vector<std::string> names = {};
    std::vector<std::byte> der = {};          // the whole certificate (X.509, DER)
    std::array<std::byte, 32> fingerprint{};  // the SHA-256 of `der`
};

// What both ends of an encrypted connection have agreed on. A value.
struct Security {
    std::string version = {};      // "TLSv1.3"
    std::string cipher = {};       // "TLS_AES_128_GCM_SHA256"
    std::string protocol = {};     // by ALPN (RFC 7301); empty: none was agreed on
    std::string server_name = {};  // as the client asked (RFC 6066, section 3); empty: it did not
    bool resumed = false;          // an earlier session was continued
    // Null: the peer presented no certificate, or none was verified.
    std::shared_ptr<const Identity> peer = {};
};

}  // namespace switchboard
