#include "files/conditions.hpp"

#include <algorithm>

#include "syntax.hpp"

namespace switchboard::http {
namespace detail {
namespace {

// One element of a list of entity tags.
struct Tag {
    std::string_view opaque;  // with its quotes
    bool weak = false;
};

// Takes the tag at the front of `list` (RFC 9110, section 8.8.3). Returns false if there is none.
bool take_tag(std::string_view& list, Tag& tag) noexcept {
    tag.weak = list.starts_with("W/");
    if (tag.weak) list.remove_prefix(2);
    if (!list.starts_with('"')) return false;
    const std::size_t end = list.find('"', 1);
    if (end == std::string_view::npos) return false;
    tag.opaque = list.substr(0, end + 1);
    if (tag.opaque.find_first_of(" \t") != std::string_view::npos) return false;
    list.remove_prefix(end + 1);
    return true;
}

enum class Comparison : bool { strong, weak };

bool matches(const Tag& tag, std::string_view etag, Comparison how) noexcept {
    const bool weak = etag.starts_with("W/");
    if (weak) etag.remove_prefix(2);
    if (how == Comparison::strong && (weak || tag.weak)) return false;
    return !etag.empty() && tag.opaque == etag;
}

// A tag may contain commas. What follows a malformed tag does not count.
bool list_matches(std::string_view list, std::string_view etag, Comparison how) noexcept {
    while (true) {
        while (!list.empty() && (is_space(list.front()) || list.front() == ','))
            list.remove_prefix(1);
        Tag tag;
        if (list.empty() || !take_tag(list, tag)) return false;
        if (matches(tag, etag, how)) return true;
        list = trimmed(list);
        if (!list.empty() && list.front() != ',') return false;
    }
}

enum class Found : std::uint8_t { absent, no_match, match };

// `name` is If-Match or If-None-Match. "*" stands for anything that exists.
Found find_tag(const Request& request, std::string_view name, const Validators& current,
               Comparison how) noexcept {
    Found found = Found::absent;
    for (const Field& field : request.fields()) {
        if (!equals_without_case(field.name, name)) continue;
        if (found == Found::absent) found = Found::no_match;
        if (!current.exists) continue;
        if (field.value == "*" || list_matches(field.value, current.etag, how))
            found = Found::match;
    }
    return found;
}

// Returns whether there is such a date and a modification time, and the latter is not after the former.
std::optional<bool> unmodified_since(const Request& request, std::string_view name,
                                     const Validators& current) noexcept {
    const auto text = single_field(request, name);
    const auto date = text ? parse_date(*text) : std::nullopt;
    if (!date || !current.exists || !current.last_modified) return std::nullopt;
    return std::chrono::floor<std::chrono::seconds>(*current.last_modified) <= *date;
}

}  // namespace

std::optional<std::string_view> single_field(const Request& request,
                                             std::string_view name) noexcept {
    std::optional<std::string_view> found;
    for (const Field& field : request.fields()) {
        if (!equals_without_case(field.name, name)) continue;
        if (found) return std::nullopt;
        found = field.value;
    }
    return found;
}

bool range_applies(const Request& request, const Validators& current) noexcept {
    const std::string_view any = request.field("If-Range");
    const auto value = single_field(request, "If-Range");
    if (!value) return any.empty();
    std::string_view text = *value;
    Tag tag;
    if (take_tag(text, tag)) return text.empty() && matches(tag, current.etag, Comparison::strong);
    const auto date = parse_date(*value);
    return date && current.last_modified &&
           std::chrono::floor<std::chrono::seconds>(*current.last_modified) == *date;
}

}  // namespace detail

// RFC 9110, section 13.2.2. The entity tags, if there are any, take precedence over the dates.
Condition evaluate_conditions(const Request& request, const Validators& current) noexcept {
    using detail::Comparison, detail::Found;
    const Found expected = detail::find_tag(request, "If-Match", current, Comparison::strong);
    if (expected == Found::no_match) return Condition::failed;
    if (expected == Found::absent &&
        detail::unmodified_since(request, "If-Unmodified-Since", current) == false)
        return Condition::failed;
    const bool reads = request.method() == "GET" || request.method() == "HEAD";
    const Found known = detail::find_tag(request, "If-None-Match", current, Comparison::weak);
    if (known == Found::match) return reads ? Condition::not_modified : Condition::failed;
    if (known == Found::absent && reads &&
        detail::unmodified_since(request, "If-Modified-Since", current) == true)
        return Condition::not_modified;
    return Condition::met;
}

}  // namespace switchboard::http
