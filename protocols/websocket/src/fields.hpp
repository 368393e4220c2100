// Fields of HTTP and their values that are lists (RFC 9110, 5.6.1).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <switchboard/http.hpp>
#include <vector>

#include "syntax.hpp"

namespace switchboard::websocket::detail {

using http::Field;
using http::detail::equals_without_case;
using http::detail::is_token;
using http::detail::trimmed;

// The elements of a list without empty ones, trimmed. Commas within quotes do not separate.
std::vector<std::string_view> split_list(std::string_view list, char separator = ',');

// The fields of one head.
class Fields {
public:
    explicit Fields(std::span<const Field> all) : all_(all) {}

    std::size_t count(std::string_view name) const noexcept;
    // Returns the first field of that name, or an empty text.
    std::string_view first(std::string_view name) const noexcept;
    // Returns the elements of all fields of that name.
    std::vector<std::string_view> list(std::string_view name) const;
    bool has_element(std::string_view name, std::string_view element) const;

private:
    std::span<const Field> all_;
};

}  // namespace switchboard::websocket::detail
