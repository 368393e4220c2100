#include "text.hpp"

#include <algorithm>
#include <charconv>
#include <switchboard/error.hpp>

namespace switchboard::testing {
namespace {

constexpr std::size_t kMostRepeats = 64 * 1024 * 1024;

std::string escape(char c) {
    constexpr const char* kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
        case '\n': return "\\n";
        case '\r': return "\\r";
        case '\t': return "\\t";
        case '\\': return "\\\\";
        case '"': return "\\\"";
        default: break;
    }
    if (byte >= 32 && byte < 127) return {c};
    return {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
}

// Reads one escape, which begins at text[at] with the character after the backslash.
class Escape {
public:
    Escape(std::string_view text, std::size_t at) : rest_(text.substr(at)) {}

    // Returns how many characters it used; 0 if it is malformed.
    std::size_t append_to(std::string& bytes) const {
        if (rest_.empty()) return 0;
        switch (rest_[0]) {
            case 'n': return append(bytes, '\n');
            case 'r': return append(bytes, '\r');
            case 't': return append(bytes, '\t');
            case '\\': return append(bytes, '\\');
            case '"': return append(bytes, '"');
            case 'x': return hexadecimal(bytes);
            case '{': return repeat(bytes);
            default: return 0;
        }
    }

private:
    static std::size_t append(std::string& bytes, char c) {
        bytes += c;
        return 1;
    }
    std::size_t hexadecimal(std::string& bytes) const {
        unsigned value = 0;
        if (rest_.size() < 3) return 0;
        const auto [end, error] = std::from_chars(rest_.data() + 1, rest_.data() + 3, value, 16);
        if (error != std::errc() || end != rest_.data() + 3) return 0;
        bytes += static_cast<char>(value);
        return 3;
    }
    std::size_t repeat(std::string& bytes) const {
        std::size_t count = 0;
        const char* const last = rest_.data() + rest_.size();
        const auto [end, error] = std::from_chars(rest_.data() + 1, last, count);
        if (error != std::errc() || end == last || *end != '}') return 0;
        if (bytes.empty() || count == 0 || count > kMostRepeats) return 0;
        bytes.append(count - 1, bytes.back());
        return static_cast<std::size_t>(end - rest_.data()) + 1;
    }

    std::string_view rest_;
};

struct NamedError {
    std::string_view name;
    std::error_condition condition;
};

std::error_condition own(errc code) {
    return {static_cast<int>(code), category()};
}

}  // namespace

std::string quoted(std::string_view bytes, std::size_t most) {
    std::string text = "\"";
    for (const char c : bytes.substr(0, most)) text += escape(c);
    return text + (bytes.size() > most ? "\"..." : "\"");
}

std::optional<std::string> unescaped(std::string_view text, std::string& mistake) {
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\') {
            bytes += text[at];
            continue;
        }
        const std::size_t used = Escape(text, at + 1).append_to(bytes);
        if (used == 0) {
            mistake = "unknown escape " + quoted(text.substr(at, 6));
            return std::nullopt;
        }
        at += used;
    }
    return bytes;
}

std::string difference(std::string_view expected, std::string_view got) {
    if (expected == got) return {};
    const std::size_t common = std::min(expected.size(), got.size());
    const auto at = static_cast<std::size_t>(
        std::mismatch(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(common),
                      expected.begin())
            .first -
        got.begin());
    return "reply differs at " + std::to_string(at) + ": expected " + quoted(expected.substr(at)) +
           ", got " + quoted(got.substr(at));
}

namespace {

const std::vector<NamedError>& named_errors() {
    static const std::vector<NamedError> kNames = {
        {"handler_failed", own(errc::handler_failed)},
        {"message_too_large", own(errc::message_too_large)},
        {"write_queue_full", own(errc::write_queue_full)},
        {"first_byte_timed_out", own(errc::first_byte_timed_out)},
        {"idle_timed_out", own(errc::idle_timed_out)},
        {"connection_age_over", own(errc::connection_age_over)},
        {"write_stalled", own(errc::write_stalled)},
        {"close_timed_out", own(errc::close_timed_out)},
        {"connect_timed_out", own(errc::connect_timed_out)},
        {"lookup_timed_out", own(errc::lookup_timed_out)},
        {"stopping", own(errc::stopping)},
        {"too_many_connections", own(errc::too_many_connections)},
        {"incomplete_message", own(errc::incomplete_message)},
        {"malformed_message", own(errc::malformed_message)},
        {"file_too_short", own(errc::file_too_short)},
        {"bad_endpoint", own(errc::bad_endpoint)},
        {"bad_option", own(errc::bad_option)},
        {"unsupported", own(errc::unsupported)},
        {"unknown_protocol", own(errc::unknown_protocol)},
        {"needs_reactor", own(errc::needs_reactor)},
        {"forked", own(errc::forked)},
        {"end_of_input", own(errc::end_of_input)},
        {"timed_out", std::errc::timed_out},
        {"connection_reset", std::errc::connection_reset},
        {"connection_aborted", std::errc::connection_aborted},
        {"connection_refused", std::errc::connection_refused},
        {"broken_pipe", std::errc::broken_pipe},
        {"protocol_error", std::errc::protocol_error},
        {"bad_message", std::errc::bad_message},
        {"message_size", std::errc::message_size},
        {"invalid_argument", std::errc::invalid_argument},
        {"permission_denied", std::errc::permission_denied},
        {"operation_canceled", std::errc::operation_canceled},
        {"not_enough_memory", std::errc::not_enough_memory},
        {"no_such_file_or_directory", std::errc::no_such_file_or_directory},
        {"io_error", std::errc::io_error},
    };
    return kNames;
}

template <class Error>
std::string name_or_message(const Error& error) {
    for (const NamedError& each : named_errors())
        if (error == each.condition) return std::string(each.name);
    return error.message();
}

}  // namespace

std::string name_of(const std::error_code& error) {
    return name_or_message(error);
}

std::string name_of(const std::error_condition& error) {
    return name_or_message(error);
}

std::optional<std::error_condition> error_named(std::string_view name) {
    for (const NamedError& each : named_errors())
        if (each.name == name) return each.condition;
    return std::nullopt;
}

std::string error_names() {
    std::string names;
    for (const NamedError& each : named_errors())
        names.append(names.empty() ? "" : ", ").append(each.name);
    return names;
}

}  // namespace switchboard::testing
