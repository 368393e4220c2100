// Fields of HTTP and their values that are lists (RFC 9110, 5.6.1).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace switchboard::websocket::detail {

struct FieldView {
    std::string_view name, value;
};

bool same_text(std::string_view a, std::string_view b) noexcept;  // ASCII letters without case
std::string_view trim(std::string_view text) noexcept;            // spaces and tabs

// The elements of a list without empty ones, trimmed. Commas within quotes do not separate.
std::vector<std::string_view> split_list(std::string_view list, char separator = ',');

// The fields of one head.
class Fields {
public:
    explicit Fields(std::span<const FieldView> all) : all_(all) {}

    std::size_t count(std::string_view name) const noexcept;
    // Returns the first field of that name, or an empty text.
    std::string_view first(std::string_view name) const noexcept;
    // Returns the elements of all fields of that name.
    std::vector<std::string_view> list(std::string_view name) const;
    bool has_element(std::string_view name, std::string_view element) const;

private:
    std::span<const FieldView> all_;
};

}  // namespace switchboard::websocket::detail
