// The keys of session tickets (RFC 5077, section 4), as a hash chain over periods of time.
#pragma once

#include <chrono>
#include <mutex>
#include <string_view>

#include "credentials.hpp"

namespace switchboard::tls::detail {

// The keys of period n come from secret n, and secret n + 1 is a hash of secret n, from which secret n cannot
// be found. Threading: any thread.
class Tickets {
public:
    using Time = std::chrono::system_clock::time_point;

    Tickets(std::string_view secret, std::chrono::seconds period, std::function<Time()> clock);

    // For SSL_CTX_set_tlsext_ticket_key_evp_cb(3). `once`: the client uses each ticket once.
    int use(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
            bool seal, bool once);

    Time now() const { return clock_(); }

private:
    struct Keys {
        Digest name{};  // the first 16 bytes are sent
        Digest cipher{};
        Digest mac{};
    };

    static Keys keys_of(const Digest& secret);
    void advance();  // to the present period

    std::mutex mutex_;
    const std::chrono::seconds period_;
    const std::function<Time()> clock_;
    std::uint64_t number_ = 0;  // of the present period
    Digest secret_;
    Keys present_, last_;
    bool has_last_ = false;
};

}  // namespace switchboard::tls::detail
