#include "redirect.hpp"

#include <algorithm>

#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

// RFC 3986, section 5.2.4.
std::string without_dots(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const std::size_t end = path.find('/', 1);
        const auto segment = path.substr(0, end);
        path.remove_prefix(segment.size());
        const bool last = path.empty();
        if (segment == "/.." || segment == "/.") {
            const auto slash = out.rfind('/');
            if (segment == "/..") out.erase(slash == out.npos ? 0 : slash);
            if (last) out += '/';
        } else {
            out += segment;
        }
    }
    return out;
}

// Returns whether it begins with a scheme (RFC 3986, section 3.1).
bool is_absolute(std::string_view reference) noexcept {
    const auto end = reference.find_first_of(":/?#");
    if (end == reference.npos || end == 0 || reference[end] != ':') return false;
    const char first = lower(reference.front());
    return first >= 'a' && first <= 'z';
}

std::string target_of(const Url& base, std::string_view reference) {
    const std::string_view old = base.target;
    const auto path = old.substr(0, old.find('?'));
    if (reference.empty()) return std::string(old);
    if (reference.front() == '?') return std::string(path) + std::string(reference);
    const auto query = std::min(reference.find('?'), reference.size());
    std::string merged(reference.substr(0, query));
    if (merged.front() != '/') merged.insert(0, path.substr(0, path.rfind('/') + 1));
    return without_dots(merged) + std::string(reference.substr(query));
}

bool begins(std::string_view name, std::string_view small) noexcept {
    return equals(name.substr(0, small.size()), small);
}

bool is_about_body(std::string_view name) noexcept {
    return begins(name, "content-");
}

bool is_harmless(std::string_view name) noexcept {
    return begins(name, "accept") || begins(name, "if-") ||
           is_one_of(name, {"cache-control", "range", "user-agent", "content-encoding",
                            "content-language", "content-type"});
}

}  // namespace

std::string to_text(const Url& url) {
    return (url.secure ? "https://" : "http://") + url.authority + url.target;
}

bool is_same_origin(const Url& a, const Url& b) noexcept {
    return a.secure == b.secure && equals_without_case(a.host, b.host) && a.port == b.port;
}

Result<Url> resolve(const Url& base, std::string_view reference) {
    reference = reference.substr(0, reference.find('#'));
    const std::string scheme = base.secure ? "https:" : "http:";
    if (is_absolute(reference)) return parse_url(reference, kHttpUrl);
    if (reference.starts_with("//")) return parse_url(scheme + std::string(reference), kHttpUrl);
    return parse_url(scheme + "//" + base.authority + target_of(base, reference), kHttpUrl);
}

bool is_redirect(unsigned status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view method_after(unsigned status, std::string_view method) noexcept {
    const bool becomes_get =
        (status == 303 && method != "HEAD") || (status < 303 && method == "POST");
    return becomes_get ? "GET" : method;
}

void prune(FieldList& fields, bool has_body, bool same_origin) {
    std::erase_if(fields, [&](const auto& field) {
        const std::string_view name = field.first;
        return (!has_body && is_about_body(name)) || (!same_origin && !is_harmless(name));
    });
}

}  // namespace switchboard::http::detail
