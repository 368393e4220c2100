#include <doctest/doctest.h>

#include <malloc.h>
#include <array>
#include <output_queue.hpp>
#include <random>
#include <string>

using namespace switchboard;
using detail::OutputQueue;

namespace {

std::shared_ptr<const std::vector<std::byte>> shared(std::string_view text) {
    const Bytes bytes = as_bytes(text);
    return std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
}

// A range of a file that is never read: the queue only counts it.
FileRange range(std::uint64_t offset, std::uint64_t length) {
    return {nullptr, offset, length};
}

// All leading memory as one text.
std::string leading(const OutputQueue& queue, std::size_t most = 1024) {
    std::vector<iovec> pieces(most);
    pieces.resize(queue.gather(pieces.data(), most));
    std::string text;
    for (const iovec& piece : pieces)
        text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    return text;
}

std::size_t in_use() {
    const auto heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

std::size_t pieces(const OutputQueue& queue) {
    std::array<iovec, 64> into;
    return queue.gather(into.data(), into.size());
}

}  // namespace

TEST_CASE("an output queue is small and holds nothing while empty") {
    CHECK(sizeof(OutputQueue) <= 40);
    OutputQueue queue;
    CHECK(queue.empty());
    CHECK(queue.size() == 0);
    CHECK(pieces(queue) == 0);
    CHECK(queue.front_file() == nullptr);
    queue.consume(0);
    queue.append(Bytes{});
    queue.append(shared(""));
    queue.append(std::shared_ptr<const std::vector<std::byte>>{});
    queue.append(range(5, 0));
    CHECK(queue.empty());
}

TEST_CASE("small appends join one chunk") {
    OutputQueue queue;
    std::string model;
    for (int i = 0; i < 10'000; ++i) {
        queue.append(as_bytes("abcd"));
        model += "abcd";
    }
    CHECK(pieces(queue) == 1);
    CHECK(queue.size() == model.size());
    CHECK(leading(queue) == model);
    queue.consume(3);
    CHECK(leading(queue) == model.substr(3));
}

TEST_CASE("shared buffers are not copied and are let go when consumed") {
    OutputQueue queue;
    const auto buffer = shared("broadcast");
    queue.append(as_bytes("<"));
    queue.append(buffer);
    queue.append(buffer);
    queue.append(as_bytes(">"));
    CHECK(buffer.use_count() == 3);
    std::array<iovec, 4> into;
    REQUIRE(queue.gather(into.data(), into.size()) == 4);
    CHECK(into[1].iov_base == buffer->data());
    CHECK(leading(queue) == "<broadcastbroadcast>");
    queue.consume(1 + 9 + 4);
    CHECK(buffer.use_count() == 2);
    CHECK(leading(queue) == "dcast>");
    queue.clear();
    CHECK(buffer.use_count() == 1);
    CHECK(queue.empty());
}

TEST_CASE("gather answers at most what was asked for") {
    OutputQueue queue;
    for (int i = 0; i < 5; ++i) queue.append(shared("x"));
    std::array<iovec, 3> into;
    CHECK(queue.gather(into.data(), 3) == 3);
    CHECK(queue.gather(into.data(), 0) == 0);
}

TEST_CASE("a file keeps its place and its bytes are not counted") {
    OutputQueue queue;
    queue.append(as_bytes("head"));
    queue.append(range(100, 50));
    queue.append(as_bytes("tail"));
    CHECK(queue.size() == 8);
    CHECK(queue.front_file() == nullptr);
    CHECK(leading(queue) == "head");
    queue.consume(4);
    REQUIRE(queue.front_file());
    CHECK(pieces(queue) == 0);
    queue.consume(20);
    CHECK(queue.front_file()->offset == 120);
    CHECK(queue.front_file()->length == 30);
    queue.consume(30);
    CHECK(queue.front_file() == nullptr);
    CHECK(leading(queue) == "tail");
    queue.append(range(0, 1));
    queue.consume(4);
    CHECK(queue.size() == 0);
    CHECK_FALSE(queue.empty());
    queue.consume(1);
    CHECK(queue.empty());
}

TEST_CASE("a queue that never runs empty lets go of what was consumed") {
    OutputQueue queue;
    const std::string block(1000, 'x');
    queue.append(as_bytes(block));
    const std::size_t before = in_use();
    for (int i = 0; i < 20'000; ++i) {
        queue.append(as_bytes(block));
        queue.consume(block.size());
    }
    CHECK(queue.size() == block.size());
    CHECK(in_use() < before + 256 * 1024);
}

TEST_CASE("an output queue moves, and the one left behind is empty") {
    OutputQueue from;
    from.append(as_bytes("text"));
    OutputQueue to(std::move(from));
    CHECK(leading(to) == "text");
    from = OutputQueue();
    CHECK(from.empty());
}

TEST_CASE("an output queue does what a string does, at random") {
    for (unsigned seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        OutputQueue queue;
        std::string model;
        for (int step = 0; step < 400; ++step) {
            const std::string text(random() % (random() % 20 == 0 ? 100'000 : 60),
                                   static_cast<char>('a' + step % 26));
            switch (random() % 4) {
                case 0: queue.append(shared(text)); break;
                case 1: queue.append(as_bytes(text)); break;
                default: {
                    const std::size_t part = model.empty() ? 0 : random() % (model.size() + 1);
                    queue.consume(part);
                    model.erase(0, part);
                    continue;
                }
            }
            model += text;
        }
        CHECK(queue.size() == model.size());
        CHECK(queue.empty() == model.empty());
        CHECK(leading(queue, 1024) == model);
        queue.consume(model.size());
        CHECK(queue.empty());
    }
}
