#include "extension.hpp"

#include <algorithm>

namespace switchboard::websocket::detail {
namespace {

constexpr std::string_view kName = "permessage-deflate";

// The parameters of one element. Bits of 0 mean that the parameter has no value.
struct Parameters {
    bool server_no_takeover = false, client_no_takeover = false;
    std::optional<unsigned> server_bits, client_bits;
};

// "8" to "15", also in quotes (RFC 6455, 9.1).
std::optional<unsigned> read_bits(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
    if (text == "8" || text == "9") return static_cast<unsigned>(text[0] - '0');
    if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5')
        return 10 + static_cast<unsigned>(text[1] - '0');
    return std::nullopt;
}

bool read_flag(bool& flag, bool has_value) {
    return !has_value && !std::exchange(flag, true);
}

bool read_bits_of(std::optional<unsigned>& bits, bool has_value, std::string_view value) {
    if (bits) return false;  // twice
    bits = has_value ? read_bits(value) : std::optional(0U);
    return bits.has_value();
}

bool read_parameter(Parameters& into, std::string_view text) {
    const auto equals = text.find('=');
    const bool has_value = equals != std::string_view::npos;
    const auto name = trimmed(text.substr(0, equals));
    const auto value = has_value ? trimmed(text.substr(equals + 1)) : std::string_view();
    if (name == "server_no_context_takeover") return read_flag(into.server_no_takeover, has_value);
    if (name == "client_no_context_takeover") return read_flag(into.client_no_takeover, has_value);
    if (name == "server_max_window_bits")
        return has_value && read_bits_of(into.server_bits, true, value);
    if (name == "client_max_window_bits") return read_bits_of(into.client_bits, has_value, value);
    return false;
}

// Returns nothing if the element is another extension or has a wrong parameter.
std::optional<Parameters> read_parameters(std::string_view element) {
    const auto parts = split_list(element, ';');
    if (parts.empty() || parts[0] != kName) return std::nullopt;
    Parameters read;
    for (std::size_t i = 1; i < parts.size(); ++i)
        if (!read_parameter(read, parts[i])) return std::nullopt;
    return read;
}

std::string bits_parameter(const char* name, unsigned bits) {
    return std::string("; ") + name + "=" + std::to_string(bits);
}

Accepted accept(const Parameters& offer, const Deflate& options) {
    Accepted accepted{.agreed = {}, .field = std::string(kName)};
    Agreed& agreed = accepted.agreed;
    agreed.own_takeover = options.takeover && !offer.server_no_takeover;
    agreed.peer_takeover = options.takeover && !offer.client_no_takeover;
    agreed.own_bits = std::min(options.stream.window_bits, offer.server_bits.value_or(15));
    // The client's window may be limited only if the client says that it can be (7.1.2.2).
    if (offer.client_bits)
        agreed.peer_bits =
            std::min(options.stream.window_bits, *offer.client_bits == 0 ? 15 : *offer.client_bits);
    if (!agreed.own_takeover) accepted.field += "; server_no_context_takeover";
    if (!agreed.peer_takeover) accepted.field += "; client_no_context_takeover";
    if (offer.server_bits || agreed.own_bits < 15)
        accepted.field += bits_parameter("server_max_window_bits", agreed.own_bits);
    if (agreed.peer_bits < 15)
        accepted.field += bits_parameter("client_max_window_bits", agreed.peer_bits);
    return accepted;
}

}  // namespace

std::optional<Accepted> accept_offer(const Fields& request, const Deflate& options) {
    if (!options.enabled) return std::nullopt;
    for (const auto element : request.list("Sec-WebSocket-Extensions")) {
        const auto offer = read_parameters(element);
        if (!offer || offer->server_bits == 8U) continue;  // zlib cannot compress with that window
        return accept(*offer, options);
    }
    return std::nullopt;
}

std::string make_offer(const Deflate& options) {
    std::string offer(kName);
    if (!options.takeover) offer += "; server_no_context_takeover; client_no_context_takeover";
    const unsigned bits = options.stream.window_bits;
    if (bits < 15) offer += bits_parameter("server_max_window_bits", bits);
    offer +=
        bits < 15 ? bits_parameter("client_max_window_bits", bits) : "; client_max_window_bits";
    return offer;
}

const char* read_answer(const Fields& answer, const Deflate& options,
                        std::optional<Agreed>& agreed) {
    const auto elements = answer.list("Sec-WebSocket-Extensions");
    if (elements.empty()) return nullptr;
    if (!options.enabled || elements.size() != 1) return "extension that was not offered";
    const auto read = read_parameters(elements[0]);
    const unsigned most = options.stream.window_bits;
    if (!read || read->client_bits == 0U) return "wrong Sec-WebSocket-Extensions";
    if (!options.takeover && !read->server_no_takeover) return "no server_no_context_takeover";
    if (most < 15 && read->server_bits.value_or(15) > most) return "wrong server_max_window_bits";
    if (read->client_bits.value_or(most) > most) return "wrong client_max_window_bits";
    agreed = Agreed{.own_takeover = options.takeover && !read->client_no_takeover,
                    .peer_takeover = !read->server_no_takeover,
                    .own_bits = read->client_bits.value_or(most),
                    .peer_bits = read->server_bits.value_or(15)};
    return nullptr;
}

}  // namespace switchboard::websocket::detail
