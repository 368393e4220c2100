#include <algorithm>
#include <switchboard/http.hpp>

#include "head.hpp"
#include "router.hpp"
#include "syntax.hpp"

namespace switchboard::http {

std::string_view Request::method() const noexcept {
    return head_.method;
}

std::string_view Request::target() const noexcept {
    return head_.target;
}

std::string_view Request::path() const noexcept {
    return head_.path;
}

std::string_view Request::query() const noexcept {
    return head_.query;
}

std::string_view Request::host() const noexcept {
    return head_.host;
}

std::span<const Field> Request::fields() const noexcept {
    return head_.fields();
}

std::string Request::parameter(std::string_view name) const {
    for (std::size_t i = 0; i < captures_.count; ++i)
        if (captures_.parts[i].name == name)
            return detail::percent_decoded(captures_.parts[i].value);
    return {};
}

std::string_view Request::field(std::string_view name) const noexcept {
    for (const Field& field : fields())
        if (detail::equals_without_case(field.name, name)) return field.value;
    return {};
}

}  // namespace switchboard::http
