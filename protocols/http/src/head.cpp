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

// What an incomplete head already shows. A head that can never become valid is refused at once, by its first
// fault, so that the answer does not depend on how the bytes arrive.
[[gnu::noinline]] unsigned refusal_of_part(std::string_view in, const HttpLimits& limits,
                                           std::size_t seen, std::size_t skipped) noexcept {
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

// Judges a target that is not a path, once the Host field is known (RFC 9112, section 3.2).
[[gnu::noinline]] unsigned judge_target(Head& head) noexcept {
    head.path = head.query = {};
    // Others take what is behind the head of CONNECT for the tunnel (RFC 9110, section 9.3.6).
    if (head.method == "CONNECT") return is_host(head.target) && !head.has_body() ? 0 : 400;
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

bool is_path(const Head& head) noexcept {
    return head.target.front() == '/' && head.method != "CONNECT";
}

std::string_view between(const char* begin, const char* end) noexcept {
    return {begin, static_cast<std::size_t>(end - begin)};
}

// The line has at least 5 bytes. Most requests are GET.
bool parse_method(const char*& at, Head& head) noexcept {
    const char* const begin = at;
    if (begins_with(at, "GET "))
        at += 3;
    else
        while (contains(kTokenChars, *at)) ++at;
    head.method = between(begin, at);
    return !head.method.empty() && *at++ == ' ';
}

// Splits a target at its question mark as if it were a path.
bool parse_target(const char*& at, Head& head) noexcept {
    const char* const begin = at;
    while (contains(kPathChars, *at)) ++at;
    head.path = between(begin, at);
    if (*at == '?') {
        const char* const query = ++at;
        while (contains(kTargetChars, *at)) ++at;
        head.query = between(query, at);
    }
    head.target = between(begin, at);
    return !head.target.empty() && *at++ == ' ';
}

unsigned parse_line(const char*& at, const char* end, std::size_t max_line, Head& head) noexcept {
    const char* const begin = at;
    if (!parse_method(at, head) || !parse_target(at, head)) return 400;
    if (end - at >= 10 && begins_with(at, "HTTP/1.1\r\n")) {
        at += kVersionLength;
    } else {
        // The end of the head, four bytes, is behind any line. So is the version, unless the line ends too
        // early.
        if (std::memchr(at, '\r', kVersionLength) != nullptr) return 400;
        const unsigned refusal = parse_version(at, head);
        at += kVersionLength;
        if (refusal != 0) return refusal;
        if (!begins_with(at, "\r\n")) return 400;
    }
    at += 2;
    return static_cast<std::size_t>(at - begin) > max_line + 2 ? 414 : 0;
}

unsigned parse_fields(const char*& at, const char* end, const HttpLimits& limits,
                      Head& head) noexcept {
    FramingFields framing;
    while (*at != '\r') {
        if (head.count == limits.max_fields) return 431;
        Field field;
        const char* next = at;
        if (!framing.take_host(next, end, field, head)) {
            if (!parse_field(next, end, field)) return 400;
            if (const unsigned refusal = framing.add(field, head)) return refusal;
        }
        at = next;
        std::construct_at(&head.field_array[head.count++], field);
    }
    if (at[1] != '\n') return 400;
    at += 2;
    const unsigned refusal = framing.judge(head);
    if (refusal != 0) return refusal;
    return is_path(head) ? 0 : judge_target(head);
}

// Returns the offset behind the end of the head, or 0 if it is not whole.
[[gnu::noinline]] std::size_t end_of_head(std::string_view in, std::size_t seen) noexcept {
    const std::size_t end = in.find(kEnd, seen < 3 ? 0 : seen - 3);
    return end == in.npos ? 0 : end + kEnd.size();
}

// Of a whole head, that fault counts which would have been seen first, had the head come byte by byte.
[[gnu::noinline]] Parsed refused(std::string_view in, const HttpLimits& limits, std::size_t skipped,
                                 unsigned refusal) noexcept {
    const std::size_t end = end_of_head(in, 0);
    const unsigned before = refusal_of_part(in.substr(0, end - 1), limits, 0, skipped);
    return {.used = end, .refusal = before != 0 ? before : refusal};
}

}  // namespace

std::size_t bare_line_feed(std::string_view in, std::size_t from) noexcept {
    std::size_t at = in.find('\n', from);
    while (at != in.npos && at != 0 && in[at - 1] == '\r') at = in.find('\n', at + 1);
    return at;
}

bool parse_field(const char*& at, const char* end, Field& field) noexcept {
    const char* next = at;
    while (contains(kTokenChars, *next)) ++next;
    field.name = between(at, next);
    if (field.name.empty() || *next != ':') return false;
    ++next;
    while (is_space(*next)) ++next;
    const char* const value = next;
    next = end_of_value(next, end);
    const char* last = next;
    while (last > value && is_space(last[-1])) --last;
    field.value = between(value, last);
    if (!begins_with(next, "\r\n")) return false;
    at = next + 2;
    return true;
}

// One empty line before the request line is skipped (RFC 9112, section 2.2).
Parsed parse_head(std::string_view in, const HttpLimits& limits, std::size_t& seen, Head& head) {
    std::size_t skipped = 0;
    if (!in.empty() && !contains(kTokenChars, in.front())) {
        skipped = in.starts_with("\r\n") ? 2 : 0;
        if (in.size() > skipped && !contains(kTokenChars, in[skipped]) && in != "\r")
            return {.used = 0, .refusal = 400};
    }
    // If the input ends as a head does, a head is whole, and its end is found while it is parsed.
    const bool ends = seen == 0 && in.size() >= kEnd.size() && in.size() <= limits.max_head &&
                      begins_with(in.data() + in.size() - kEnd.size(), "\r\n\r\n");
    const std::size_t end = ends ? in.size() : end_of_head(in, seen);
    if (end == 0) {
        const unsigned refusal = refusal_of_part(in, limits, seen, skipped);
        seen = in.size();
        return {.used = 0, .refusal = refusal};
    }
    seen = 0;
    const char* at = in.data() + skipped;
    const char* const last = in.data() + in.size();
    unsigned refusal = parse_line(at, last, limits.max_line, head);
    if (refusal == 0 && end > limits.max_head) refusal = 431;
    if (refusal == 0) refusal = parse_fields(at, last, limits, head);
    if (refusal != 0) return refused(in, limits, skipped, refusal);
    return {.used = static_cast<std::size_t>(at - in.data()), .refusal = 0};
}

}  // namespace switchboard::http::detail
