#include "head.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "framing_fields.hpp"
#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::size_t kVersionLength = 8;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// Returns the first line feed from `from` on without a carriage return before it.
std::size_t bare_line_feed(std::string_view in, std::size_t from) noexcept {
    std::size_t at = in.find('\n', from);
    while (at != in.npos && at != 0 && in[at - 1] == '\r') at = in.find('\n', at + 1);
    return at;
}

// What an incomplete head already shows. A head that can never become valid is refused at once, by its first
// fault, so that the answer does not depend on how the bytes arrive.
unsigned refusal_of_part(std::string_view in, const HttpLimits& limits, std::size_t seen,
                         std::size_t skipped) noexcept {
    const std::size_t longest = skipped + limits.max_line + 2;
    const bool line_ends = in.substr(0, longest).find('\n', skipped) != in.npos;
    const std::size_t bare = bare_line_feed(in, seen);
    const std::size_t line = !line_ends && in.size() >= longest ? longest - 1 : in.npos;
    const std::size_t head = in.size() > limits.max_head ? limits.max_head : in.npos;
    const std::size_t first = std::min({bare, line, head});
    if (first == in.npos) return 0;
    return first == bare ? 400 : first == line ? 414 : 431;
}

// Reads "HTTP/1.1" at `at`, which has at least 8 bytes behind it.
unsigned parse_version(const char* at, Head& head) noexcept {
    if (std::memcmp(at, "HTTP/1.1", kVersionLength) == 0) return 0;
    const bool valid =
        std::memcmp(at, "HTTP/", 5) == 0 && is_digit(at[5]) && at[6] == '.' && is_digit(at[7]);
    if (!valid) return 400;
    head.http10 = at[7] == '0';
    return at[5] == '1' ? 0 : 505;
}

void split_query(std::string_view path, Head& head) noexcept {
    const std::size_t mark = path.find('?');
    head.path = path.substr(0, mark);
    if (mark != path.npos) head.query = path.substr(mark + 1);
    if (head.path.empty()) head.path = "/";
}

// Returns the authority of an absolute target ("http://a:80/x"). Returns an empty text for other targets.
std::string_view authority_of(std::string_view target) noexcept {
    const std::size_t scheme = target.find("://");
    if (scheme == target.npos) return {};
    const std::string_view name = target.substr(0, scheme);
    if (!equals(name, "http") && !equals(name, "https")) return {};
    const std::string_view rest = target.substr(scheme + 3);
    return rest.substr(0, rest.find_first_of("/?"));
}

// Judges the target once the Host field is known (RFC 9112, section 3.2).
unsigned judge_target(Head& head) noexcept {
    if (head.method == "CONNECT") return is_host(head.target) ? 0 : 400;
    if (head.target.front() == '/') {
        split_query(head.target, head);
        return 0;
    }
    if (head.target == "*") {
        head.path = head.target;
        return head.method == "OPTIONS" ? 0 : 400;
    }
    const std::string_view authority = authority_of(head.target);
    const bool differs = !head.http10 && !equals_without_case(authority, head.host);
    if (differs || !is_host(authority)) return 400;
    const auto behind = static_cast<std::size_t>(authority.end() - head.target.begin());
    split_query(head.target.substr(behind), head);
    return 0;
}

unsigned parse_line(const char*& at, std::size_t max_line, Head& head) noexcept {
    const char* const begin = at;
    while (contains(kTokenChars, *at)) ++at;
    head.method = {begin, static_cast<std::size_t>(at - begin)};
    if (head.method.empty() || *at != ' ') return 400;
    const char* const target = ++at;
    while (contains(kTargetChars, *at)) ++at;
    head.target = {target, static_cast<std::size_t>(at - target)};
    if (head.target.empty() || *at != ' ') return 400;
    ++at;
    // The end of the head, four bytes, is behind any line. So is the version, unless the line ends too early.
    if (std::memchr(at, '\r', kVersionLength) != nullptr) return 400;
    const unsigned refusal = parse_version(at, head);
    at += kVersionLength;
    if (refusal != 0) return refusal;
    if (at[0] != '\r' || at[1] != '\n') return 400;
    at += 2;
    return static_cast<std::size_t>(at - begin) > max_line + 2 ? 414 : 0;
}

unsigned parse_fields(const char*& at, const HttpLimits& limits, Head& head) noexcept {
    FramingFields framing;
    while (*at != '\r') {
        if (head.count == limits.max_fields) return 431;
        Field field;
        if (!parse_field(at, field)) return 400;
        std::construct_at(&head.field_array[head.count++], field);
        if (const unsigned refusal = framing.add(field, head)) return refusal;
    }
    if (at[1] != '\n') return 400;
    at += 2;
    const unsigned refusal = framing.judge(head);
    return refusal != 0 ? refusal : judge_target(head);
}

// Returns the offset behind the end of the head, or 0 if it is not whole.
std::size_t end_of_head(std::string_view in, std::size_t seen) noexcept {
    const std::size_t end = in.find(kEnd, seen < 3 ? 0 : seen - 3);
    return end == in.npos ? 0 : end + kEnd.size();
}

// Of a whole head, that fault counts which would have been seen first, had the head come byte by byte.
Parsed refused(std::string_view in, const HttpLimits& limits, std::size_t skipped,
               unsigned refusal) noexcept {
    const std::size_t end = end_of_head(in, 0);
    const unsigned before = refusal_of_part(in.substr(0, end - 1), limits, 0, skipped);
    return {.used = end, .refusal = before != 0 ? before : refusal};
}

}  // namespace

bool parse_field(const char*& at, Field& field) noexcept {
    const char* const name = at;
    while (contains(kTokenChars, *at)) ++at;
    field.name = {name, static_cast<std::size_t>(at - name)};
    if (field.name.empty() || *at != ':') return false;
    ++at;
    while (is_space(*at)) ++at;
    const char* const value = at;
    while (contains(kValueChars, *at)) ++at;
    const char* end = at;
    while (end > value && is_space(end[-1])) --end;
    field.value = {value, static_cast<std::size_t>(end - value)};
    if (at[0] != '\r' || at[1] != '\n') return false;
    at += 2;
    return true;
}

// One empty line before the request line is skipped (RFC 9112, section 2.2).
Parsed parse_head(std::string_view in, const HttpLimits& limits, std::size_t& seen, Head& head) {
    const std::size_t skipped = in.starts_with("\r\n") ? 2 : 0;
    if (in.size() > skipped && !contains(kTokenChars, in[skipped]) && in != "\r")
        return {.used = 0, .refusal = 400};
    // If the input ends as a head does, a head is whole, and its end is found while it is parsed.
    const bool ends = seen == 0 && in.size() <= limits.max_head && in.ends_with(kEnd);
    const std::size_t end = ends ? in.size() : end_of_head(in, seen);
    if (end == 0) {
        const unsigned refusal = refusal_of_part(in, limits, seen, skipped);
        seen = in.size();
        return {.used = 0, .refusal = refusal};
    }
    seen = 0;
    const char* at = in.data() + skipped;
    unsigned refusal = parse_line(at, limits.max_line, head);
    if (refusal == 0 && end > limits.max_head) refusal = 431;
    if (refusal == 0) refusal = parse_fields(at, limits, head);
    if (refusal != 0) return refused(in, limits, skipped, refusal);
    return {.used = static_cast<std::size_t>(at - in.data()), .refusal = 0};
}

}  // namespace switchboard::http::detail
