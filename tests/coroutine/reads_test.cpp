// What reads give, however the bytes arrive.
#include <doctest/doctest.h>

#include "../support/conforms.hpp"
#include "sessions.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Lines in capitals. A line of over 32 bytes is an error.
Task<> shout(Stream& peer) {
    for (;;) {
        const auto line = co_await peer.read_until("\r\n", 32);
        if (!line) {
            peer.write(text_of(line));
            co_return;
        }
        for (std::byte& each : *line)
            each = static_cast<std::byte>(std::toupper(std::to_integer<int>(each)));
        peer.write(*line);
    }
}

// Frames: a byte that counts those that follow.
Task<Awaited<std::string>> frame_of(Stream& peer) {
    const auto head = co_await peer.read_exactly(1);
    if (!head) co_return tl::unexpected(head.error());
    std::string body(std::to_integer<std::size_t>((*head)[0]), '\0');
    const auto got = co_await peer.read_into(std::as_writable_bytes(std::span(body)));
    if (!got) co_return tl::unexpected(got.error());
    co_return body;
}

Task<> frames(Stream& peer) {
    for (;;) {
        const auto text = co_await frame_of(peer);
        if (!text) {
            peer.write("<" + name_of(text.error()) + ">");
            co_return;
        }
        peer.write(*text + ";");
    }
}

// Pairs of bytes by read_exactly(), each in the other order.
Task<> swapped(Stream& peer) {
    while (const auto pair = co_await peer.read_exactly(2)) {
        std::swap((*pair)[0], (*pair)[1]);
        peer.write(*pair);
    }
    peer.write("<" + text_of(co_await peer.read_some()) + ">");
}

std::string answer(Task<> (*session)(Stream&), std::string_view input) {
    const auto outcome = testing::deliver(coroutine(session), input);
    CHECK(outcome.closed);
    CHECK_FALSE(outcome.reason);
    return outcome.output;
}

}  // namespace

TEST_CASE("coroutine: each read gives the same at every split") {
    conforms(coroutine(echo_session), "hello, world");
    conforms(coroutine(shout), "one\r\ntwo\rx\nthree\r\n\r\nrest");
    conforms(coroutine(shout), "a line that is longer than the thirty-two bytes that are allowed");
    conforms(coroutine(frames), std::string_view("\3abc\0\1x\5hello\4cut", 16));
    conforms(coroutine(swapped), "ab12xyz");
}

TEST_CASE("coroutine: what the reads give") {
    CHECK(answer(echo_session, "hello") == "hello");
    CHECK(answer(shout, "one\r\ntwo\rx\nthree\r\n") == "ONE\r\nTWO\rX\nTHREE\r\n<end>");
    CHECK(answer(shout, "one\r\nt") == "ONE\r\n<part>");
    CHECK(answer(shout, "123456789012345678901234567890\r\nx\r\n") ==
          "123456789012345678901234567890\r\nX\r\n<end>");
    CHECK(answer(shout, "1234567890123456789012345678901\r\n") == "<large>");
    CHECK(answer(frames, std::string_view("\3abc\0\1x", 7)) == "abc;;x;<end>");
    CHECK(answer(frames, "\3ab") == "<part>");
    CHECK(answer(frames, "\3") == "<end>");
    CHECK(answer(swapped, "ab12") == "ba21<<end>>");
    CHECK(answer(swapped, "ab1") == "ba<1>");
}

TEST_CASE("coroutine: after an incomplete message, the rest can be read, and then the end") {
    std::string log;
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([&log](Stream& s) -> Task<> {
        log += text_of(co_await s.read_until("\n"));
        log += text_of(co_await s.read_exactly(40));
        log += text_of(co_await s.read_some());
        log += text_of(co_await s.read_some());
        log += text_of(co_await s.read_exactly(3));
        std::string into(3, ' ');
        log += text_of(co_await s.read_into(std::as_writable_bytes(std::span(into))));
    }));
    peer.send("no newline").shutdown_write();
    driver.run();
    CHECK(log == "<part><part>no newline<end><end><end>");
    CHECK(peer.closed());
}

TEST_CASE("coroutine: after the rest of an incomplete message comes the end") {
    std::string log;
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([&log](Stream& s) -> Task<> {
        log += text_of(co_await s.read_until("\n"));
        log += text_of(co_await s.read_some());
        log += text_of(co_await s.read_some());
    }));
    peer.send("no newline").shutdown_write();
    driver.run();
    CHECK(log == "<part>no newline<end>");
    CHECK(peer.closed());
}

TEST_CASE("coroutine: a line that is too long stays unread, and can be skipped") {
    std::string log;
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([&log](Stream& s) -> Task<> {
        log += text_of(co_await s.read_until("\n", 4));
        log += text_of(co_await s.read_until("\n", 4));
        log += text_of(co_await s.read_exactly(6));
        log += text_of(co_await s.read_until("\n", 4));
    }));
    peer.send("12345\nabc\n");
    driver.run();
    CHECK(log == "<large><large>12345\nabc\n");
}

TEST_CASE("coroutine: reads of no bytes are over at once") {
    std::string log;
    testing::MemoryDriver driver;
    driver.connect(coroutine([&log](Stream& s) -> Task<> {
        log += "[" + text_of(co_await s.read_exactly(0)) + "]";
        log += text_of(co_await s.read_into({}));
    }));
    driver.run();
    CHECK(log == "[]ok");
}

TEST_CASE("coroutine: a message over max_read_buffer ends the connection") {
    ConnectionLimits limits;
    limits.max_read_buffer = 1000;
    testing::MemoryDriver driver;
    bool over = false;
    auto& peer = driver.connect(coroutine([&over](Stream& s) -> Task<> {
                                    (void)co_await s.read_exactly(2000);
                                    over = true;
                                }),
                                limits);
    peer.send(std::string(1500, 'x'));
    driver.run();
    CHECK(peer.close_reason() == errc::message_too_large);
    CHECK_FALSE(over);
}

TEST_CASE("coroutine: read_into takes more than max_read_buffer") {
    ConnectionLimits limits;
    limits.max_read_buffer = 1000;
    testing::MemoryDriver driver;
    std::string large(10'000, ' ');
    auto& peer = driver.connect(
        coroutine([&large](Stream& s) -> Task<> {
            s.write(text_of(co_await s.read_into(std::as_writable_bytes(std::span(large)))));
            s.write(text_of(co_await s.read_exactly(3)));
        }),
        limits);
    for (int i = 0; i < 10; ++i) {
        peer.send(std::string(1000, static_cast<char>('a' + i)));
        driver.run();
    }
    peer.send("end");
    driver.run();
    CHECK(peer.received() == "okend");
    CHECK(large.front() == 'a');
    CHECK(large.back() == 'j');
}

TEST_CASE(
    "coroutine: bytes that come while a session does something else are kept, without limit") {
    ConnectionLimits limits;
    limits.max_read_buffer = 10;
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([](Stream& s) -> Task<> {
                                    for (;;) {
                                        const auto in = co_await s.read_exactly(1);
                                        if (!in) break;
                                        const std::string copy(as_text(*in));
                                        co_await s.sleep_for(1s);
                                        s.write(copy);
                                    }
                                    s.write(".");
                                }),
                                limits);
    peer.send("abcdefghijklmnopq");
    driver.run();
    CHECK(peer.received().empty());
    CHECK(peer.unread() >= 16);
    driver.advance(1s);
    CHECK(peer.received() == "a");
    peer.shutdown_write();
    driver.advance(5s);
    CHECK(peer.received() == "abcdef");
    driver.advance(20s);
    CHECK(peer.received() == "abcdefghijklmnopq.");
    CHECK(peer.closed());
}

TEST_CASE("coroutine: several messages of one callback are taken one after the other") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine(shout));
    peer.send("a\r\nb\r\nc\r\n");
    driver.run();
    CHECK(peer.received() == "A\r\nB\r\nC\r\n");
    CHECK(peer.write_calls() == 1);
    CHECK(peer.unread() == 0);
}

namespace {

Task<> answer_later(Stream& s, std::string text) {
    co_await s.sleep_for(10s);
    text += text_of(co_await s.read_exactly(4));
    s.write(text);
}

}  // namespace

TEST_CASE("coroutine: a read that is over takes no later input, also in the same expression") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(coroutine([](Stream& s) -> Task<> {
        co_await answer_later(s, std::string(as_text(*co_await s.read_some())));
    }));
    peer.send("one");
    driver.run();
    peer.send("more");
    driver.run();
    driver.advance(9s);
    CHECK(peer.received().empty());
    driver.advance(1s);
    CHECK(peer.received() == "onemore");
}

TEST_CASE("coroutine: frames go back to the memory that they came from") {
    struct Counting final : std::pmr::memory_resource {
        void* do_allocate(std::size_t size, std::size_t alignment) override {
            ++blocks;
            return std::pmr::new_delete_resource()->allocate(size, alignment);
        }
        void do_deallocate(void* block, std::size_t size, std::size_t alignment) override {
            --blocks;
            std::pmr::new_delete_resource()->deallocate(block, size, alignment);
        }
        bool do_is_equal(const memory_resource& other) const noexcept override {
            return this == &other;
        }
        int blocks = 0;
    };
    Counting first, second;
    std::pmr::memory_resource* const before = std::pmr::set_default_resource(&first);
    {
        testing::MemoryDriver driver;
        auto& peer = driver.connect(coroutine(echo_session));
        driver.run();
        std::pmr::set_default_resource(&second);
        peer.reset();
        driver.run();
    }
    std::pmr::set_default_resource(before);
    CHECK(first.blocks == 0);
    CHECK(second.blocks == 0);
}
