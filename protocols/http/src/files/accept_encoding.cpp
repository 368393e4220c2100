#include "files/accept_encoding.hpp"

#include <optional>

#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

// Reads "0.5" as 500, and so on (RFC 9110, section 12.4.2). Returns 0 for anything else.
unsigned thousandths(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
    if (text.size() > 1 && text[1] != '.') return 0;
    unsigned value = static_cast<unsigned>(text[0] - '0') * 1000, unit = 100;
    for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
        if (text[i] < '0' || text[i] > '9') return 0;
        value += static_cast<unsigned>(text[i] - '0') * unit;
    }
    return value <= 1000 ? value : 0;
}

unsigned weight_of(std::string_view parameters) noexcept {
    if (parameters.empty()) return 1000;
    if (!equals(parameters.substr(0, 2), "q=")) return 0;
    return thousandths(parameters.substr(2));
}

}  // namespace

bool accepts_gzip(std::span<const Field> fields) noexcept {
    std::optional<unsigned> gzip, identity, others;
    for (const Field& field : fields) {
        if (!equals_without_case(field.name, "accept-encoding")) continue;
        each_element(field.value, [&](std::string_view element) {
            const std::size_t semicolon = element.find(';');
            const std::string_view name = trimmed(element.substr(0, semicolon));
            const bool plain = semicolon == element.npos;
            const unsigned weight =
                weight_of(plain ? std::string_view() : trimmed(element.substr(semicolon + 1)));
            if (equals(name, "gzip") || equals(name, "x-gzip")) gzip = weight;
            if (equals(name, "identity")) identity = weight;
            if (name == "*") others = weight;
        });
    }
    const unsigned wanted = gzip.value_or(others.value_or(0));
    return wanted > 0 && wanted >= identity.value_or(0);
}

}  // namespace switchboard::http::detail
