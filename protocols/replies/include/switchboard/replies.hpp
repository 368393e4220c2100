// Servers that answer messages: what clients are tried on, and benchmarks run against.
#pragma once

#include <cstdint>
#include <switchboard/framing.hpp>

namespace switchboard {

class Registry;

// Sends each line back once it is whole, with LF at its end. Lines of 8 KiB at most.
class LineEcho final : public LineHandler {
private:
    void on_line(Connection& connection, std::string_view line) override;
};

// Sends each message back once it is whole: its length in 4 bytes, big-endian, and so many bytes,
// 512 KiB at most: with what is queued before it, it must fit into max_queued.
class FrameEcho final : public FrameHandler {
public:
    FrameEcho();

private:
    void on_frame(Connection& connection, MutableBytes frame) override;
};

// Answers requests with as many bytes as they ask for. Both are messages as above; a request is the
// length of its reply (4 bytes, big-endian) and a body, and the reply is the body, cut or repeated to
// that length. So whoever knows what it sent knows each byte of what must come. A request without a
// body that asks for bytes, or of less than 4 bytes, ends with errc::malformed_message.
//
// A reply is written as the connection takes it, and the next request waits for that; no more than
// high_water, the body and 32 KiB are held, however long the reply.
class Replier final : public FrameHandler {
public:
    // `work`: how many steps of arithmetic each request costs before it is answered, in which the thread
    // does nothing else. A step takes about a nanosecond.
    explicit Replier(std::uint64_t work = 0);

    void on_drain(Connection& connection) override { write_rest(connection); }

private:
    void on_frame(Connection& connection, MutableBytes frame) override;
    void repeat(Bytes body, std::size_t wanted);
    void write_rest(Connection& connection);

    std::uint64_t work_;
    std::vector<std::byte> piece_;  // the body once or more, whole
    std::uint32_t left_ = 0;        // bytes of the reply that are not written
};

// Steps of Replier's work, and something that depends on all of them, so that none is left out.
std::uint64_t do_work(std::uint64_t steps) noexcept;

// Adds `lines`, `frames` and `reply` (option work=STEPS).
void register_replies(Registry& registry);

}  // namespace switchboard
