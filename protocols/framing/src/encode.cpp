#include <stdexcept>
#include <switchboard/message_handler.hpp>

namespace switchboard {
namespace {

void require(const Framing& framing, Bytes payload) {
    if (framing.carries(payload)) return;
    throw std::length_error("a payload of " + std::to_string(payload.size()) +
                            " bytes that its framing does not carry");
}

void require_one_line(std::string_view line) {
    if (line.find('\n') == std::string_view::npos) return;
    throw std::length_error("a line with a line feed in it");
}

std::string_view text_of(LineEnd end) {
    return end == LineEnd::lf ? "\n" : "\r\n";
}

}  // namespace

bool write_frame(Connection& connection, const Framing& framing, Bytes payload) {
    require(framing, payload);
    const Framing::Head head = framing.head(payload.size());
    const Bytes pieces[] = {head, payload, framing.tail()};
    return connection.write(pieces);
}

std::vector<std::byte> encode_frame(const Framing& framing, Bytes payload) {
    require(framing, payload);
    const Framing::Head head = framing.head(payload.size());
    std::vector<std::byte> frame;
    frame.reserve(head.size + payload.size() + framing.tail().size());
    for (const Bytes piece : {Bytes(head), payload, framing.tail()}) {
        frame.insert(frame.end(), piece.begin(), piece.end());
    }
    return frame;
}

bool write_line(Connection& connection, std::string_view line, LineEnd end) {
    require_one_line(line);
    const Bytes pieces[] = {as_bytes(line), as_bytes(text_of(end))};
    return connection.write(pieces);
}

std::string encode_line(std::string_view line, LineEnd end) {
    require_one_line(line);
    return std::string(line).append(text_of(end));
}

}  // namespace switchboard
