#include "tickets.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>

namespace switchboard::tls::detail {
namespace {

constexpr std::size_t kNameSize = 16;
// Period 0 begins in 2026, so that the way to the present is short.
constexpr std::chrono::seconds kFirst{1'767'225'600};

Digest derive(const Digest& secret, std::string_view purpose) {
    std::string input(reinterpret_cast<const char*>(secret.data()), secret.size());
    input += purpose;
    const Digest result = digest(input);
    OPENSSL_cleanse(input.data(), input.size());
    return result;
}

bool set_mac_key(EVP_MAC_CTX* mac, Digest& key) {
    char hash[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.data(), key.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

Tickets::Tickets(std::string_view secret, std::chrono::seconds period, std::function<Time()> clock)
    : period_(period), clock_(std::move(clock)), secret_(digest(secret)) {
    present_ = keys_of(secret_);
    advance();
}

Tickets::Keys Tickets::keys_of(const Digest& secret) {
    return {.name = derive(secret, "name"),
            .cipher = derive(secret, "cipher"),
            .mac = derive(secret, "mac")};
}

// If the clock goes back, the present period stays: the secrets of earlier ones are forgotten. If memory runs
// out, nothing has changed.
void Tickets::advance() {
    const auto since = clock_().time_since_epoch() - kFirst;
    if (since.count() < 0) return;
    const auto number = static_cast<std::uint64_t>(since / period_);
    if (number <= number_) return;
    Digest before = secret_, next = secret_;
    for (auto at = number_; at < number; ++at) {
        before = next;
        next = derive(next, "next");
    }
    const Keys last = keys_of(before), present = keys_of(next);
    number_ = number;
    secret_ = next;
    last_ = last;
    present_ = present;
    has_last_ = true;
    OPENSSL_cleanse(before.data(), before.size());
}

int Tickets::use(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                 bool seal, bool once) {
    const std::lock_guard lock(mutex_);
    advance();
    const auto names = [&](const Keys& keys) {
        return std::equal(name, name + kNameSize, keys.name.data());
    };
    if (seal) {
        std::copy_n(present_.name.data(), kNameSize, name);
        if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
        const bool set =
            EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, present_.cipher.data(), iv) == 1;
        return set && set_mac_key(mac, present_.mac) ? 1 : -1;
    }
    const bool is_present = names(present_);
    if (!is_present && !(has_last_ && names(last_))) return 0;
    Keys& keys = is_present ? present_ : last_;
    const bool set =
        EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, keys.cipher.data(), iv) == 1;
    if (!set || !set_mac_key(mac, keys.mac)) return -1;
    return is_present && !once ? 1 : 2;  // 2: the client gets a new one
}

}  // namespace switchboard::tls::detail
