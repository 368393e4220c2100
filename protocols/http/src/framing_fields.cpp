#include "framing_fields.hpp"

#include <cstring>
#include <utility>

#include "base/parse_number.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

constexpr std::size_t kMostLengthDigits = 18;  // every such number fits into 64 bits

// Intermediaries that take "_" for "-" would see another framing than this server.
bool is_disguised(std::string_view name) noexcept {
    const std::string_view real = name.size() == 14 ? "content-length" : "transfer-encoding";
    if (name.size() != real.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i)
        if (lower(name[i] == '_' ? '-' : name[i]) != real[i]) return false;
    return true;
}

// Codings before a last "chunked" are valid, but not supported.
unsigned refusal_of_codings(std::string_view value) noexcept {
    std::string_view last;
    bool valid = true;
    each_element(value, [&](std::string_view coding) {
        valid = valid && is_token(coding) && !equals(last, "chunked");
        last = coding;
    });
    return valid && equals(last, "chunked") ? 501 : 400;
}

// Every request has it. Compares all four letters at once; 0x20 is what tells capitals from small letters.
bool is_host_name(const char* name) noexcept {
    std::uint32_t letters = 0, host = 0;
    std::memcpy(&letters, name, sizeof letters);
    std::memcpy(&host, "host", sizeof host);
    return (letters | 0x20202020U) == host;
}

bool is_port(std::string_view text) noexcept {
    return text.empty() || switchboard::detail::number<std::uint16_t>(text).has_value();
}

// Returns the end of the digits behind a colon, or the colon if they are no port.
const char* end_of_port(const char* colon) noexcept {
    const char* end = colon + 1;
    while (is_digit(*end)) ++end;
    return is_port({colon + 1, static_cast<std::size_t>(end - colon - 1)}) ? end : colon;
}

}  // namespace

bool is_host(std::string_view text) noexcept {
    std::size_t end = 0;
    if (text.starts_with('[')) {
        end = text.find(']');
        if (end == std::string_view::npos || end == 1) return false;
        if (!all_of(kAddressChars, text.substr(1, end - 1))) return false;
        ++end;
    } else {
        while (end < text.size() && contains(kHostChars, text[end])) ++end;
        if (end == 0) return false;
    }
    return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

unsigned FramingFields::add_host(std::string_view value, Head& head) noexcept {
    if (std::exchange(host_, true) || !is_host(value)) return 400;
    head.host = value;
    return 0;
}

bool FramingFields::take_host(const char*& at, const char* end, Field& field, Head& head) noexcept {
    constexpr std::size_t kName = 4, kBefore = 6;  // "Host: "
    if (host_ || end - at < 8 || !is_host_name(at) || !begins_with(at + kName, ": ")) return false;
    const char* const value = at + kBefore;
    const char* last = value;
    while (contains(kHostChars, *last)) ++last;
    const char* const port = last;
    if (*last == ':') last = end_of_port(last);
    if (port == value || !begins_with(last, "\r\n")) return false;
    field.name = {at, kName};
    field.value = head.host = {value, static_cast<std::size_t>(last - value)};
    host_ = true;
    at = last + 2;
    return true;
}

unsigned FramingFields::add_length(std::string_view value, Head& head) noexcept {
    const bool leading_zero = value.size() > 1 && value.front() == '0';
    if (head.has_length || value.empty() || value.size() > kMostLengthDigits || leading_zero)
        return 400;
    const auto length = switchboard::detail::number<std::uint64_t>(value);
    if (!length) return 400;
    head.has_length = true;
    head.length = *length;
    return 0;
}

unsigned FramingFields::add_coding(std::string_view value, Head& head) noexcept {
    if (std::exchange(coding_, true)) return 400;
    head.chunked = equals(value, "chunked");
    return head.chunked ? 0 : refusal_of_codings(value);
}

unsigned FramingFields::add_upgrade(std::string_view value, Head& head) noexcept {
    if (std::exchange(upgrade_, true) || value.empty()) return 400;
    head.upgrade = value;
    return 0;
}

void FramingFields::add_connection(std::string_view value) noexcept {
    each_element(value, [this](std::string_view option) {
        close_ = close_ || equals(option, "close");
        keep_alive_ = keep_alive_ || equals(option, "keep-alive");
        connection_upgrade_ = connection_upgrade_ || equals(option, "upgrade");
    });
}

unsigned FramingFields::add_known(const Field& field, Head& head) noexcept {
    const std::size_t size = field.name.size();
    if (size == 4) return is_host_name(field.name.data()) ? add_host(field.value, head) : 0;
    switch (size) {
        case 6:
            if (!equals(field.name, "expect")) return 0;
            head.expects_continue = equals(field.value, "100-continue");
            expects_other_ = expects_other_ || !head.expects_continue;
            return 0;
        case 7: return equals(field.name, "upgrade") ? add_upgrade(field.value, head) : 0;
        case 10:
            if (equals(field.name, "connection")) add_connection(field.value);
            return 0;
        case 14:
            if (equals(field.name, "content-length")) return add_length(field.value, head);
            return is_disguised(field.name) ? 400 : 0;
        case 17:
            if (equals(field.name, "transfer-encoding")) return add_coding(field.value, head);
            return is_disguised(field.name) ? 400 : 0;
        default: return 0;
    }
}

// An upgrade must be asked for in one way only (RFC 9110, section 7.8), or a proxy and this server could
// disagree on whether the connection still speaks HTTP.
unsigned FramingFields::judge_upgrade(const Head& head) const noexcept {
    if (!upgrade_) return 0;
    return head.http10 || head.has_body() || !connection_upgrade_ ? 400 : 0;
}

unsigned FramingFields::judge(Head& head) const noexcept {
    if (!host_ && !head.http10) return 400;
    if (const unsigned refusal = judge_reply(head)) return refusal;
    if (const unsigned refusal = judge_upgrade(head)) return refusal;
    if (head.http10) head.expects_continue = false;
    return expects_other_ && !head.http10 ? 417 : 0;
}

unsigned FramingFields::judge_reply(Head& head) const noexcept {
    if (coding_ && (head.has_length || head.http10)) return 400;
    head.keep_alive = !close_ && (!head.http10 || keep_alive_);
    return 0;
}

}  // namespace switchboard::http::detail
