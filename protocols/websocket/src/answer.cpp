#include "answer.hpp"

#include <algorithm>

#include "accept_key.hpp"
#include "extension.hpp"
#include "head.hpp"

namespace switchboard::websocket::detail {
namespace {

// "HTTP/1.1 101 Switching Protocols"
bool read_status(std::string_view line, unsigned& status) {
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    if (!line.starts_with(kVersion) || line.size() < kVersion.size() + 3) return false;
    const auto code = line.substr(kVersion.size(), 3);
    if (!std::all_of(code.begin(), code.end(), http::detail::is_digit) || code[0] == '0')
        return false;
    if (line.size() > kVersion.size() + 3 && line[kVersion.size() + 3] != ' ') return false;
    status = 0;
    for (const char digit : code) status = status * 10 + static_cast<unsigned>(digit - '0');
    return true;
}

bool could_begin(std::string_view in) {
    constexpr std::string_view kBegin = "HTTP/1.1 ";
    return kBegin.starts_with(in.substr(0, kBegin.size()));
}

}  // namespace

bool parse_answer(std::string_view in, AnswerHead& head) {
    const auto end = in.substr(0, kMaxAnswerHead).find("\r\n\r\n");
    if (end == std::string_view::npos) return in.size() < kMaxAnswerHead && could_begin(in);
    const std::string_view line = in.substr(0, in.find("\r\n"));
    if (!read_status(line, head.status)) return false;
    const char* at = line.data() + line.size() + 2;
    head.size = end + 4;
    return http::detail::parse_all_fields(at, in.data() + head.size, [&](const Field& field) {
        head.fields.push_back(field);
        return true;
    });
}

const char* check_answer(const AnswerHead& head, std::string_view key, const Options& options,
                         Opening& opening) {
    const Fields fields{head.fields};
    if (fields.count("Upgrade") != 1 || !equals_without_case(fields.first("Upgrade"), "websocket"))
        return "wrong Upgrade";
    if (!fields.has_element("Connection", "upgrade")) return "wrong Connection";
    if (fields.count("Sec-WebSocket-Accept") != 1 ||
        fields.first("Sec-WebSocket-Accept") != accept_key(key))
        return "wrong Sec-WebSocket-Accept";
    if (fields.count("Sec-WebSocket-Protocol") > 1) return "several subprotocols";
    const auto chosen = fields.first("Sec-WebSocket-Protocol");
    const auto& offered = options.subprotocols;
    if (fields.count("Sec-WebSocket-Protocol") == 1 &&
        std::find(offered.begin(), offered.end(), chosen) == offered.end())
        return "subprotocol that was not offered";
    opening.role = Role::client;
    opening.subprotocol = chosen;
    return read_answer(fields, options.deflate, opening.deflate);
}

}  // namespace switchboard::websocket::detail
