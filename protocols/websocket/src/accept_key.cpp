#include "accept_key.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <span>

#include "random_masks.hpp"

namespace switchboard::websocket::detail {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::span<const unsigned char> bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1,
                     '\0');  // EVP_EncodeBlock() ends it with a zero
    auto* const to = reinterpret_cast<unsigned char*>(text.data());
    const int size = EVP_EncodeBlock(to, bytes.data(), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

}  // namespace

// 16 bytes leave 4 unused bits in the last character, which must be zero.
bool is_key(std::string_view key) noexcept {
    if (key.size() != 24 || !key.ends_with("==")) return false;
    const auto is_known = [](char c) { return kAlphabet.find(c) != std::string_view::npos; };
    return std::all_of(key.begin(), key.end() - 2, is_known) && kAlphabet.find(key[21]) % 16 == 0;
}

std::string make_key() {
    std::array<unsigned char, 16> bytes{};
    fill_random(std::as_writable_bytes(std::span(bytes)));
    return base64(bytes);
}

std::string accept_key(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return base64(digest);
}

}  // namespace switchboard::websocket::detail
