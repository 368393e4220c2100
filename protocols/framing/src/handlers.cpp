#include <switchboard/message_handler.hpp>
#include <utility>

// Both handlers return after each message instead of looping over `in`. on_line or on_frame may have paused
// reading, switched protocols or closed. The ProtocolRunner knows this and decides whether to offer the
// rest.

namespace switchboard {

void MessageHandler::on_eof(Connection& connection) {
    if (!within_message()) return on_end(connection);
    on_incomplete(connection);
    connection.close(errc::incomplete_message);
}

std::size_t MessageHandler::refuse_too_long(Connection& connection, Bytes in) {
    on_too_long(connection);
    connection.close(errc::message_too_large);
    return in.size();
}

std::size_t MessageHandler::refuse_malformed(Connection& connection, Bytes in) {
    on_malformed(connection);
    connection.close(errc::malformed_message);
    return in.size();
}

std::string_view LineHandler::without_cr(std::string_view line) const noexcept {
    if (options_.strip_cr && line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

std::size_t LineHandler::on_data(Connection& connection, MutableBytes in) {
    const std::string_view text = as_text(in);
    const std::size_t end = text.find('\n', seen_);
    const bool whole = end != std::string_view::npos;
    // If the line has no end yet, its last CR may be part of the line end.
    const std::string_view line = without_cr(text.substr(0, end));
    if (line.size() > options_.max_length) return refuse_too_long(connection, in);
    seen_ = whole ? 0 : in.size();
    if (!whole) return 0;
    on_line(connection, line);
    return end + 1;
}

std::size_t FrameHandler::on_data(Connection& connection, MutableBytes in) {
    if (awaited_ > 0) return take_awaited(connection, in);
    const Framing::Front front = framing_.front(in, seen_);
    switch (front.found) {
        case Framing::Found::part: return wait(front, in.size());
        case Framing::Found::too_long: return refuse_too_long(connection, in);
        case Framing::Found::malformed: return refuse_malformed(connection, in);
        case Framing::Found::whole: break;
    }
    seen_ = 0;
    on_frame(connection, in.subspan(front.head, front.payload));
    return front.head + front.payload + front.tail;
}

std::size_t FrameHandler::take_awaited(Connection& connection, MutableBytes in) {
    if (in.size() < awaited_) return 0;
    const MutableBytes frame = in.first(std::exchange(awaited_, 0));
    on_frame(connection, frame);
    return frame.size();
}

// Uses the prefix at once, so that a payload of the maximum size fits into max_read_buffer.
std::size_t FrameHandler::wait(const Framing::Front& front, std::size_t available) noexcept {
    seen_ = front.head > 0 ? 0 : available;
    awaited_ = front.head > 0 ? front.payload : 0;
    return front.head;
}

}  // namespace switchboard
