#include "fields.hpp"

#include <algorithm>

namespace switchboard::websocket::detail {
std::vector<std::string_view> split_list(std::string_view list, char separator) {
    std::vector<std::string_view> elements;
    std::size_t begin = 0;
    bool quoted = false;
    for (std::size_t at = 0; at <= list.size(); ++at) {
        if (at < list.size() && list[at] == '"') quoted = !quoted;
        if (at < list.size() && (quoted || list[at] != separator)) continue;
        const auto element = trimmed(list.substr(begin, at - begin));
        if (!element.empty()) elements.push_back(element);
        begin = at + 1;
    }
    return elements;
}

std::size_t Fields::count(std::string_view name) const noexcept {
    return static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), [&](const auto& field) {
        return equals_without_case(field.name, name);
    }));
}

std::string_view Fields::first(std::string_view name) const noexcept {
    for (const auto& field : all_)
        if (equals_without_case(field.name, name)) return field.value;
    return {};
}

std::vector<std::string_view> Fields::list(std::string_view name) const {
    std::vector<std::string_view> elements;
    for (const auto& field : all_) {
        if (!equals_without_case(field.name, name)) continue;
        for (const auto element : split_list(field.value)) elements.push_back(element);
    }
    return elements;
}

bool Fields::has_element(std::string_view name, std::string_view element) const {
    const auto elements = list(name);
    return std::any_of(elements.begin(), elements.end(),
                       [&](std::string_view one) { return equals_without_case(one, element); });
}

}  // namespace switchboard::websocket::detail
