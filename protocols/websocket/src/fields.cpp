#include "fields.hpp"

#include <algorithm>

namespace switchboard::websocket::detail {
namespace {

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool same_text(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) noexcept {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<std::string_view> split_list(std::string_view list, char separator) {
    std::vector<std::string_view> elements;
    std::size_t begin = 0;
    bool quoted = false;
    for (std::size_t at = 0; at <= list.size(); ++at) {
        if (at < list.size() && list[at] == '"') quoted = !quoted;
        if (at < list.size() && (quoted || list[at] != separator)) continue;
        const auto element = trim(list.substr(begin, at - begin));
        if (!element.empty()) elements.push_back(element);
        begin = at + 1;
    }
    return elements;
}

std::size_t Fields::count(std::string_view name) const noexcept {
    return static_cast<std::size_t>(std::count_if(
        all_.begin(), all_.end(), [&](const auto& field) { return same_text(field.name, name); }));
}

std::string_view Fields::first(std::string_view name) const noexcept {
    for (const auto& field : all_)
        if (same_text(field.name, name)) return field.value;
    return {};
}

std::vector<std::string_view> Fields::list(std::string_view name) const {
    std::vector<std::string_view> elements;
    for (const auto& field : all_) {
        if (!same_text(field.name, name)) continue;
        for (const auto element : split_list(field.value)) elements.push_back(element);
    }
    return elements;
}

bool Fields::has_element(std::string_view name, std::string_view element) const {
    const auto elements = list(name);
    return std::any_of(elements.begin(), elements.end(),
                       [&](std::string_view one) { return same_text(one, element); });
}

}  // namespace switchboard::websocket::detail
