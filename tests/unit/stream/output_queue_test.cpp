#include <doctest/doctest.h>

#include <malloc.h>
#include <array>
#include <counting_memory.hpp>
#include <random>
#include <stream/output_queue.hpp>
#include <string>

#include "text.hpp"

using namespace switchboard;
using detail::OutputQueue;
using test::CountingMemory;

namespace {

// A range of a file that is never read: the queue only counts it.
FileRange range(std::uint64_t offset, std::uint64_t length) {
    return {nullptr, offset, length};
}

// Returns all leading memory as one text.
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

// Returns how often `append` allocated memory.
template <class Output>
std::size_t allocations(CountingMemory& memory, OutputQueue& queue, Output output) {
    const std::size_t before = memory.calls;
    queue.append(std::move(output));
    return memory.calls - before;
}

std::size_t pieces(const OutputQueue& queue) {
    std::array<iovec, 64> into;
    return queue.gather(into.data(), into.size());
}

}  // namespace

TEST_CASE("an output queue is small and holds nothing while empty") {
    CHECK(sizeof(OutputQueue) <= 104);
    OutputQueue queue;
    CHECK(queue.empty());
    CHECK(queue.size() == 0);
    CHECK(pieces(queue) == 0);
    CHECK(queue.front_file() == nullptr);
    queue.consume(0);
    queue.append(Bytes{});
    queue.append(test::shared_bytes(""));
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

TEST_CASE("shared buffers are not copied, and are released when consumed") {
    OutputQueue queue;
    const auto buffer = test::shared_bytes("broadcast");
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

TEST_CASE("gather returns at most the requested number of pieces") {
    OutputQueue queue;
    for (int i = 0; i < 5; ++i) queue.append(test::shared_bytes("x"));
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

TEST_CASE("a queue that never runs empty releases consumed memory") {
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

TEST_CASE("an output queue behaves like a string, with random operations") {
    for (unsigned seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        OutputQueue queue;
        std::string model;
        for (int step = 0; step < 400; ++step) {
            const std::string text(random() % (random() % 20 == 0 ? 100'000 : 60),
                                   static_cast<char>('a' + step % 26));
            switch (random() % 4) {
                case 0: queue.append(test::shared_bytes(text)); break;
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

TEST_CASE("an append to an output queue allocates at most once") {
    CountingMemory memory;
    const std::string large(300'000, 'x');
    OutputQueue queue(&memory);
    CHECK(allocations(memory, queue, test::shared_bytes("small")) == 0);
    CHECK(allocations(memory, queue, test::shared_bytes("small")) == 1);
    queue.clear();
    CHECK(allocations(memory, queue, range(0, 10)) == 0);
    queue.clear();
    CHECK(allocations(memory, queue, test::shared_bytes(large)) == 0);
    CHECK(allocations(memory, queue, as_bytes("a")) == 1);
    CHECK(allocations(memory, queue, as_bytes("b")) == 0);
    CHECK(allocations(memory, queue, range(0, 10)) == 1);
    CHECK(allocations(memory, queue, as_bytes(large)) == 1);
    for (int i = 0; i < 100; ++i)
        CHECK(allocations(memory, queue, test::shared_bytes("small")) <= 1);
    queue.clear();
    CHECK(memory.lent == 0);
}

TEST_CASE("a shared buffer in an empty output queue needs no allocation") {
    CountingMemory memory;
    OutputQueue queue(&memory);
    for (int i = 0; i < 1'000; ++i) {
        queue.append(test::shared_bytes("one at a time"));
        queue.consume(13);
    }
    CHECK(memory.calls == 0);
    queue.append(test::shared_bytes("front"));
    queue.append(as_bytes("tail"));
    queue.consume(5);
    queue.append(test::shared_bytes(
        "behind"));  // the slot for one buffer is free, but the queue is not empty
    CHECK(leading(queue) == "tailbehind");
}

TEST_CASE("a large piece is copied once, into memory of its size, and stays where it is") {
    CountingMemory memory;
    OutputQueue queue(&memory);
    const std::string large(300'000, 'x');
    queue.append(as_bytes(large));
    CHECK(memory.most <= large.size() + 128);
    iovec before{}, after{};
    REQUIRE(queue.gather(&before, 1) == 1);
    for (int i = 0; i < 100'000; ++i) queue.append(as_bytes("y"));
    queue.consume(1000);
    REQUIRE(queue.gather(&after, 1) == 1);
    CHECK(after.iov_base == static_cast<char*>(before.iov_base) + 1000);
    CHECK(queue.size() == large.size() + 99'000);
    CHECK(leading(queue) == large.substr(1000) + std::string(100'000, 'y'));
}

TEST_CASE("large pieces in succession are not moved either, whatever their size") {
    for (const std::size_t size : {4'096U, 20'000U, 60'000U, 65'536U, 70'000U}) {
        CAPTURE(size);
        OutputQueue queue;
        const std::string piece(size, 'x');
        for (std::size_t i = 0; i < 5; ++i) {
            queue.append(as_bytes(piece));
            queue.append(as_bytes("small"));
        }
        std::array<iovec, 32> first{}, second{};
        const std::size_t count = queue.gather(first.data(), first.size());
        queue.append(as_bytes(piece));
        REQUIRE(queue.gather(second.data(), second.size()) > count);
        for (std::size_t i = 0; i < count; ++i) CHECK(first[i].iov_base == second[i].iov_base);
    }
}

TEST_CASE("small shared buffers are copied after a few are kept") {
    OutputQueue queue;
    const auto small = test::shared_bytes(std::string(OutputQueue::kSmallShared, 's'));
    const auto more = test::shared_bytes(std::string(OutputQueue::kSmallShared + 1, 'm'));
    for (std::size_t i = 0; i < 100; ++i) queue.append(small);
    CHECK(small.use_count() == 1 + OutputQueue::kFewKept);
    CHECK(pieces(queue) == OutputQueue::kFewKept + 1);
    queue.append(more);
    CHECK(more.use_count() == 2);
    queue.append(small);
    std::string model;
    for (int i = 0; i < 100; ++i) model += as_text(*small);
    model.append(as_text(*more)).append(as_text(*small));
    CHECK(leading(queue) == model);
    queue.consume(model.size() - small->size());
    queue.append(small);  // there is room for one to keep again
    CHECK(small.use_count() == 2);
}

TEST_CASE("the cost of an output queue includes entries for buffers and files") {
    OutputQueue queue;
    CHECK(queue.cost() == 0);
    queue.append(as_bytes("four"));
    CHECK(queue.cost() == 4);
    queue.append(range(0, 1'000'000));
    queue.append(test::shared_bytes("eight..."));
    CHECK(queue.size() == 12);
    CHECK(queue.cost() == 12 + 2 * OutputQueue::kEntryCost);
    queue.consume(4 + 999'999);
    CHECK(queue.cost() == 8 + 2 * OutputQueue::kEntryCost);
    queue.consume(1);
    CHECK(queue.cost() == 8 + OutputQueue::kEntryCost);
    queue.clear();
    CHECK(queue.cost() == 0);
}

TEST_CASE("an output queue holds at most twice its cost, and two chunks") {
    for (unsigned seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        CountingMemory memory;
        OutputQueue queue(&memory);
        for (int step = 0; step < 2'000; ++step) {
            const std::string text(random() % (seed % 2 == 0 ? 5 : 9'000), 'x');
            switch (random() % 4) {
                case 0: queue.append(range(0, 1)); break;
                case 1: queue.append(as_bytes(text)); break;
                case 2: queue.append(test::shared_bytes(text)); break;
                default: queue.consume(random() % (queue.size() / 8 + 1)); break;
            }
            REQUIRE(memory.lent <= 2 * queue.cost() + 128 * 1024);
        }
        queue.clear();
        CHECK(memory.lent == 0);
    }
}

TEST_CASE("line feeds that are shared one by one cost little more than a byte each") {
    CountingMemory memory;
    OutputQueue queue(&memory);
    const auto line_feed = test::shared_bytes("\n");
    for (int i = 0; i < 65'536; ++i) queue.append(line_feed);
    CHECK(queue.size() == 65'536);
    CHECK(memory.lent <= 2 * 65'536);
    CHECK(pieces(queue) <= OutputQueue::kFewKept + 2);
}

TEST_CASE("an append without memory does not change the output queue") {
    CountingMemory memory;
    OutputQueue queue(&memory);
    queue.append(as_bytes("text"));
    const auto buffer = test::shared_bytes("shared");
    memory.empty = true;
    CHECK_THROWS_AS(queue.append(buffer), std::bad_alloc);
    CHECK_THROWS_AS(queue.append(range(0, 1)), std::bad_alloc);
    CHECK_THROWS_AS(queue.append(as_bytes(std::string(1'000, 'x'))), std::bad_alloc);
    CHECK(buffer.use_count() == 1);
    CHECK(queue.cost() == 4);
    CHECK(leading(queue) == "text");
}
