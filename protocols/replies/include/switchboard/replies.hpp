// Servers that reply to messages, for trying out clients and for benchmarks.
#pragma once

#include <cstdint>
#include <switchboard/message_handler.hpp>

namespace switchboard {

class Registry;

// Sends each line back once it is whole, ended by LF. A line has at most 8 KiB.
class LineEcho final : public LineHandler {
private:
    void on_line(Connection& connection, std::string_view line) override;
};

// Sends each message back once it is whole. A message is a length (4 bytes, big-endian) and that many bytes,
// at most 512 KiB, because the message must fit into max_write_buffer together with what is queued before
// it.
class FrameEcho final : public FrameHandler {
public:
    FrameEcho();

private:
    void on_frame(Connection& connection, MutableBytes frame) override;
};

// Replies to each request with the number of bytes that it asks for. Requests and replies are messages as
// above. A request is the length of its reply (4 bytes, big-endian) and a body. The reply is the body, cut
// or repeated to that length, so a client knows every byte that must come. A request of less than 4 bytes,
// or one that asks for bytes but has no body, ends the connection with errc::malformed_message.
//
// A reply is written as fast as the connection takes it, and the next request waits until it is written.
// Memory is bounded by high_water, the body and 32 KiB, however long the reply is.
class Replier final : public FrameHandler {
public:
    // `work` is the number of arithmetic steps before each reply, during which the thread does nothing else.
    // A step takes about a nanosecond.
    explicit Replier(std::uint64_t work = 0);

    void on_writable(Connection& connection) override { write_rest(connection); }

private:
    void on_frame(Connection& connection, MutableBytes frame) override;
    void repeat(Bytes body, std::size_t wanted);
    void write_rest(Connection& connection);

    std::uint64_t work_;
    std::vector<std::byte> piece_;  // the whole body, once or more
    std::uint32_t left_ = 0;        // bytes of the reply that are not written yet
};

// Does the arithmetic of Replier. Returns a number that depends on every step, so that the compiler drops
// none.
std::uint64_t do_work(std::uint64_t steps) noexcept;

// Adds the protocols `lines`, `frames` and `reply` (option work=STEPS).
void register_replies(Registry& registry);

}  // namespace switchboard
