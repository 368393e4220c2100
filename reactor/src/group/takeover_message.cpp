#include "takeover_message.hpp"

#include <algorithm>

#include "base/parse_number.hpp"

namespace switchboard::detail {
namespace {

constexpr std::string_view kGreeting = "switchboard-takeover 1 ";
constexpr std::size_t kMost = kMostSockets + 1;

struct Line {
    std::string_view text;  // without the line end
    bool whole;
};

Line take_line(std::string_view& text) {
    const auto end = text.find('\n');
    const Line line{text.substr(0, end), end != std::string_view::npos};
    text.remove_prefix(line.whole ? end + 1 : text.size());
    return line;
}

auto malformed(std::string what) {
    return fail(errc::malformed_message, std::move(what));
}

// Returns the number of descriptors once its line is whole.
Result<std::optional<std::size_t>> take_count(std::string_view& text) {
    const auto start = text.substr(0, kGreeting.size());
    if (!kGreeting.starts_with(start)) return malformed("it does not offer sockets");
    text.remove_prefix(start.size());
    const Line line = take_line(text);
    if (!line.whole && line.text.empty()) return std::nullopt;
    const auto count = number<std::size_t>(line.text);
    if (!count || *count == 0 || *count > kMost || line.text.front() == '0')
        return malformed("its number of sockets is not from 1 to " + std::to_string(kMost));
    return line.whole ? count : std::nullopt;
}

}  // namespace

bool is_socket_name(std::string_view name) noexcept {
    return name.size() <= kMostName && std::ranges::none_of(name, [](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return byte < ' ' || byte == 0x7f;
           });
}

std::string make_takeover(std::span<const std::string> names) {
    std::string text = std::string(kGreeting) + std::to_string(names.size() + 1) + "\n\n";
    for (const std::string& name : names) text += name + "\n";
    return text;
}

Result<std::optional<std::vector<std::string>>> parse_takeover(std::string_view text,
                                                               std::size_t descriptors) {
    if (descriptors > kMost)
        return malformed("it passes more than " + std::to_string(kMost) + " sockets");
    const auto count = take_count(text);
    if (!count) return tl::unexpected(count.error());
    if (!*count) return std::nullopt;
    if (**count != descriptors)
        return malformed("it announces " + std::to_string(**count) + " sockets but passes " +
                         std::to_string(descriptors));
    std::vector<std::string> names;
    while (names.size() < descriptors) {
        const Line line = take_line(text);
        const bool of_path = names.empty();
        if (of_path ? !line.text.empty() : !is_socket_name(line.text))
            return malformed("socket " + std::to_string(names.size()) + " has an invalid name");
        if (!line.whole) return std::nullopt;
        names.emplace_back(line.text);
    }
    if (!text.empty()) return malformed("bytes follow the last name");
    return names;
}

}  // namespace switchboard::detail
