#include "session_end.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>

namespace switchboard::tls::detail {
namespace {

// Whole seconds: the clock's own unit cannot express the end of a certificate in the year 9999.
using Seconds = std::chrono::sys_seconds;

// Returns the past if the time is malformed.
Seconds time_of(const ASN1_TIME* time) noexcept {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return Seconds::min();
    const std::chrono::year_month_day day(
        std::chrono::year(parts.tm_year + 1900),
        std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
        std::chrono::day(static_cast<unsigned>(parts.tm_mday)));
    return std::chrono::sys_days(day) + std::chrono::hours(parts.tm_hour) +
           std::chrono::minutes(parts.tm_min) + std::chrono::seconds(parts.tm_sec);
}

// The end of a session in bytes, the same on all machines: seconds since 1970, the highest byte first.
using Kept = std::array<unsigned char, 8>;

Kept kept_of(Seconds end) noexcept {
    Kept bytes{};
    auto left = static_cast<std::uint64_t>(end.time_since_epoch().count());
    for (std::size_t i = bytes.size(); i-- > 0; left >>= 8U)
        bytes[i] = static_cast<unsigned char>(left & 0xffU);
    return bytes;
}

Seconds end_of(const unsigned char* kept) noexcept {
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < sizeof(Kept); ++i) end = end << 8U | kept[i];
    return Seconds(std::chrono::seconds(static_cast<std::int64_t>(end)));
}

}  // namespace

bool keep_end(SSL* ssl, SSL_SESSION* session) noexcept {
    const STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl);
    if (chain == nullptr || SSL_session_reused(ssl) == 1) return true;
    Seconds end = Seconds::max();
    for (int i = 0; i < sk_X509_num(chain); ++i)
        end = std::min(end, time_of(X509_get0_notAfter(sk_X509_value(chain, i))));
    const Kept kept = kept_of(end);
    return SSL_SESSION_set1_ticket_appdata(session, kept.data(), kept.size()) == 1;
}

bool has_ended(SSL_SESSION* session, std::chrono::system_clock::time_point now) noexcept {
    if (SSL_SESSION_get0_peer(session) == nullptr) return false;
    void* kept = nullptr;
    std::size_t size = 0;
    const bool says = SSL_SESSION_get0_ticket_appdata(session, &kept, &size) == 1;
    if (!says || size != sizeof(Kept)) return true;
    return end_of(static_cast<const unsigned char*>(kept)) <=
           std::chrono::floor<std::chrono::seconds>(now);
}

}  // namespace switchboard::tls::detail
