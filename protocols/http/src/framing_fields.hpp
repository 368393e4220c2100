// The fields that decide where a message ends and what becomes of the connection.
#pragma once

#include <cstdint>
#include <string_view>

#include "head.hpp"

namespace switchboard::http::detail {

// Collects the fields of one head that HTTP itself uses, and judges them once all are known.
class FramingFields {
public:
    // Parses the field Host, which every request has, if it is the next one and is written in the usual way.
    // Judges it in the same pass. Otherwise returns false, and parse_field() and add() decide.
    bool take_host(const char*& at, const char* end, Field& field, Head& head) noexcept;
    // Returns the status to refuse the head with, or 0.
    unsigned add(const Field& field, Head& head) noexcept {
        const std::size_t size = field.name.size();
        return size < 32 && (kLengths >> size & 1U) != 0 ? add_known(field, head) : 0;
    }
    // Call it after the last field.
    unsigned judge(Head& head) const noexcept;
    // The same for a reply, of which only the fields that frame it, and Connection, were added.
    unsigned judge_reply(Head& head) const noexcept;

private:
    // A bit for the length of each name: it tells most fields apart before any of their bytes is compared.
    static constexpr std::uint32_t kLengths =
        1U << 4U | 1U << 6U | 1U << 7U | 1U << 10U | 1U << 14U | 1U << 17U;

    unsigned add_known(const Field& field, Head& head) noexcept;
    unsigned add_host(std::string_view value, Head& head) noexcept;
    unsigned add_length(std::string_view value, Head& head) noexcept;
    unsigned add_coding(std::string_view value, Head& head) noexcept;
    unsigned add_upgrade(std::string_view value, Head& head) noexcept;
    void add_connection(std::string_view value) noexcept;
    unsigned judge_upgrade(const Head& head) const noexcept;

    bool host_ = false, coding_ = false, upgrade_ = false, expects_other_ = false;
    bool close_ = false, keep_alive_ = false, connection_upgrade_ = false;
};

// Returns whether it is a host with an optional port (RFC 9110, section 7.2).
bool is_host(std::string_view text) noexcept;

}  // namespace switchboard::http::detail
