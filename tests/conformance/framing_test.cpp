// Handlers of lines and frames: the outcome does not depend on how the bytes are split.
#include <doctest/doctest.h>

#include <functional>
#include <switchboard/callbacks.hpp>
#include <switchboard/message_handler.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

using namespace switchboard;
using testing::Outcome;

namespace {

// Answers each line with "<line>", and reports which hook was called. So the output shows everything that
// happened.
class LineTeller final : public LineHandler {
public:
    using LineHandler::LineHandler;

private:
    void on_line(Connection& c, std::string_view line) override {
        c.write("<" + std::string(line) + ">");
    }
    void on_too_long(Connection& c) override { c.write("too long"); }
    void on_incomplete(Connection& c) override { c.write("incomplete"); }
    void on_end(Connection& c) override {
        c.write("end");
        c.close();
    }
};

class FrameTeller final : public FrameHandler {
public:
    using FrameHandler::FrameHandler;

private:
    void on_frame(Connection& c, MutableBytes frame) override {
        c.write("<" + std::string(as_text(frame)) + ">");
    }
    void on_too_long(Connection& c) override { c.write("too long"); }
    void on_malformed(Connection& c) override { c.write("malformed"); }
    void on_incomplete(Connection& c) override { c.write("incomplete"); }
};

// Answers each frame with its size.
class FrameMeter final : public FrameHandler {
public:
    using FrameHandler::FrameHandler;

private:
    void on_frame(Connection& c, MutableBytes frame) override {
        c.write(std::to_string(frame.size()) + " ");
    }
};

ProtocolFactory lines(LineOptions options = {}) {
    return factory_of<LineTeller>(options);
}

ProtocolFactory frames(const Framing& framing) {
    return factory_of<FrameTeller>(framing);
}

Outcome orderly(std::string output) {
    return {std::move(output), true, {}};
}

Outcome ended(std::string output, errc reason) {
    return {std::move(output), true, make_error_code(reason)};
}

void check(const ProtocolFactory& factory, std::string_view input, const Outcome& expected) {
    CAPTURE(input);
    const Outcome whole = testing::deliver(factory, input);
    CHECK(whole.output == expected.output);
    CHECK(whole.closed == expected.closed);
    CHECK(whole.reason == expected.reason);
    const auto differences = testing::check_deliveries(factory, input);
    CHECK(differences.empty());
    for (const auto& difference : differences) MESSAGE(difference);
}

std::string wire(const Framing& framing, std::initializer_list<std::string_view> payloads) {
    std::string text;
    for (const auto payload : payloads) text += as_text(encode_frame(framing, as_bytes(payload)));
    return text;
}

std::vector<Framing> framings() {
    return {Framing::delimited("\n"), Framing::delimited("aab"),
            Framing::fixed(3),        Framing::prefixed(1),
            Framing::prefixed(2),     Framing::prefixed(2, std::endian::little),
            Framing::prefixed(4),     Framing::prefixed(4, std::endian::little),
            Framing::prefixed(8),     Framing::prefixed(8, std::endian::little),
            Framing::varint()};
}

// Runs `test` with a connection whose peer does nothing. The test makes the calls itself.
void with_connection(const std::function<void(Connection&)>& test) {
    testing::MemoryDriver driver;
    driver.connect(make_protocol({.on_open = test}));
    driver.run();
}

MutableBytes mutable_bytes(std::string& text) {
    return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

}  // namespace

TEST_CASE("lines: valid and invalid line ends") {
    check(lines(), "", orderly("end"));
    check(lines(), "one\ntwo\r\n\n\r\nthree\r\r\nfo\rur\n",
          orderly("<one><two><><><three\r><fo\rur>end"));
    check(lines({.strip_cr = false}), "one\r\ntwo\n", orderly("<one\r><two>end"));
    check(lines(), std::string("a\0b\xff\n", 5), orderly(std::string("<a\0b\xff>end", 9)));
    check(lines(), "one\ntwo", ended("<one>incomplete", errc::incomplete_message));
    check(lines(), "one\n\r", ended("<one>incomplete", errc::incomplete_message));
}

TEST_CASE("lines: the maximum counts the line without its end") {
    const LineOptions five{.max_length = 5};
    check(lines(five), "12345\n12345\r\n1\n", orderly("<12345><12345><1>end"));
    check(lines(five), "12345\n123456\n1\n", ended("<12345>too long", errc::message_too_large));
    check(lines(five), "123456", ended("too long", errc::message_too_large));
    check(lines(five), "12345\r6\n", ended("too long", errc::message_too_large));
    check(lines(five), "12345\r", ended("incomplete", errc::incomplete_message));
    check(lines({.max_length = 5, .strip_cr = false}), "12345\r\n",
          ended("too long", errc::message_too_large));

    const std::string most(8 * 1024, 'x');
    check(lines(), most + "\r\n", orderly("<" + most + ">end"));
    check(lines(), most + "y\r\n", ended("too long", errc::message_too_large));
}

TEST_CASE("lines: bytes that arrive one by one are searched once") {
    with_connection([](Connection& c) {
        LineTeller teller;
        std::string text = "....";
        CHECK(teller.on_data(c, mutable_bytes(text)) == 0);
        // The handler does not scan bytes twice. So it does not see line feeds that are put where it has
        // scanned already.
        text = "\n\n\n\n..\n!";
        CHECK(teller.on_data(c, mutable_bytes(text)) == 7);
        text = "!\n";
        CHECK(teller.on_data(c, mutable_bytes(text)) == 2);
    });
}

TEST_CASE("frames: every framing at every split") {
    for (const Framing& framing : framings()) {
        const std::string text = wire(framing, {"one", "two", "a b", "xyz"});
        check(frames(framing), text, orderly("<one><two><a b><xyz>"));
        check(frames(framing), text.substr(0, text.size() - 1),
              ended("<one><two><a b>incomplete", errc::incomplete_message));
    }
}

TEST_CASE("frames: empty frames are delivered") {
    for (const Framing& framing : {Framing::delimited("aab"), Framing::prefixed(1),
                                   Framing::prefixed(8), Framing::varint()}) {
        check(frames(framing), wire(framing, {"", "", "one", ""}), orderly("<><><one><>"));
    }
}

TEST_CASE("frames: a delimiter that overlaps itself, at every split") {
    check(frames(Framing::delimited("aab")), "aaabaabxaaaaabaab", orderly("<a><><xaaa><>"));
    check(frames(Framing::delimited("aa")), "aaaaaxaaa",
          ended("<><><ax>incomplete", errc::incomplete_message));
    check(frames(Framing::delimited(std::string_view("\0\xff", 2))),
          std::string_view("a\0\0\xff"
                           "b\0\xff",
                           7),
          orderly(std::string("<a\0><b>", 7)));
}

TEST_CASE("frames: above the maximum") {
    const auto too_long = [](const Framing& framing, std::string_view input,
                             const std::string& before) {
        check(frames(framing), input, ended(before + "too long", errc::message_too_large));
    };
    using namespace std::string_view_literals;
    too_long(Framing::delimited("aab", 4), "1234aab12345aab1aab", "<1234>");
    too_long(Framing::delimited("aab", 4), "1234567", "");
    too_long(Framing::prefixed(1, std::endian::big, 4), "\4abcd\5abcde\1a", "<abcd>");
    too_long(Framing::prefixed(4), "\0\x10\0\1"sv, "");
    too_long(Framing::prefixed(8), "\x80\0\0\0\0\0\0\1rest"sv, "");
    too_long(Framing::varint(299), "\1a\xac\2rest", "<a>");
}

TEST_CASE("frames: malformed varints") {
    const auto malformed = [](std::string_view input, const std::string& before) {
        check(frames(Framing::varint()), input,
              ended(before + "malformed", errc::malformed_message));
    };
    using namespace std::string_view_literals;
    malformed("\1a\x80\0\1a"sv, "<a>");
    malformed("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"sv, "");
    malformed("\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"sv, "");
    check(frames(Framing::varint()), "\1a\xff", ended("<a>incomplete", errc::incomplete_message));
}

TEST_CASE("frames: a frame of maximum size fits into the default limits") {
    const std::string payload(1024 * 1024, 'x');
    for (const Framing& framing : {Framing::prefixed(8), Framing::varint()}) {
        const std::string text = wire(framing, {payload, "next"});
        const auto factory = factory_of<FrameMeter>(framing);
        CHECK(testing::deliver(factory, text) == orderly("1048576 4 "));
        testing::MemoryDriver driver;
        auto& peer = driver.connect(factory);
        for (std::size_t at = 0; at < text.size(); at += 1000) {
            peer.send(std::string_view(text).substr(at, 1000));
            driver.run();
        }
        CHECK(peer.received() == "1048576 4 ");
    }
}

TEST_CASE("frames: bytes that arrive one by one are searched once") {
    with_connection([](Connection& c) {
        FrameTeller teller(Framing::delimited("ab"));
        std::string text = "....";
        CHECK(teller.on_data(c, mutable_bytes(text)) == 0);
        text = "abab.ab!";
        CHECK(teller.on_data(c, mutable_bytes(text)) == 7);
    });
}

TEST_CASE("frames: handlers survive any input") {
    for (const Framing& framing : framings()) {
        const auto violations = testing::check_robustness(frames(framing), 24);
        CHECK(violations.empty());
        for (const auto& violation : violations) MESSAGE(violation);
    }
    CHECK(testing::check_robustness(lines(), 64).empty());
}

namespace {

// Calls `act` at the line "act", and reports every other line.
class Acting final : public LineHandler {
public:
    Acting(std::function<void(Connection&)> act, std::string& told)
        : act_(std::move(act)), told_(told) {}

private:
    void on_line(Connection& c, std::string_view line) override {
        line == "act" ? act_(c) : void(told_.append(line));
    }

    std::function<void(Connection&)> act_;
    std::string& told_;
};

std::string told_when(const std::function<void(Connection&)>& act) {
    std::string told;
    testing::MemoryDriver driver;
    driver.connect(std::make_unique<Acting>(act, told)).send("a\nb\nact\nc\nd\n");
    driver.run();
    return told;
}

}  // namespace

TEST_CASE("lines: no line comes after a pause, a close, an abort or a switch of protocols") {
    CHECK(told_when([](Connection&) {}) == "abcd");
    CHECK(told_when([](Connection& c) { c.pause_reading(); }) == "ab");
    CHECK(told_when([](Connection& c) { c.close(); }) == "ab");
    CHECK(told_when([](Connection& c) { c.abort(errc::stopping); }) == "ab");

    std::string rest;
    CHECK(told_when([&](Connection& c) {
              c.switch_to(make_protocol({.on_data = [&](Connection&, MutableBytes in) {
                  rest += as_text(in);
                  return in.size();
              }}));
          }) == "ab");
    CHECK(rest == "c\nd\n");
}

TEST_CASE("lines: a paused reader gets the rest when it resumes") {
    std::string told;
    testing::MemoryDriver driver;
    auto& peer =
        driver.connect(std::make_unique<Acting>([](Connection& c) { c.pause_reading(); }, told));
    peer.send("a\nact\nb\nact\nc\n").shutdown_write();
    driver.run();
    CHECK(told == "a");
    CHECK_FALSE(peer.closed());
    peer.connection()->resume_reading();
    driver.run();
    CHECK(told == "ab");
    peer.connection()->resume_reading();
    driver.run();
    CHECK(told == "abc");
    CHECK(peer.closed());
}

TEST_CASE("frames: a write that the framing cannot carry loses only its own connection") {
    const Framing framing = Framing::prefixed(1);
    const auto write = [&](const std::string& text) {
        return make_protocol(
            {.on_open = [=](Connection& c) { write_frame(c, framing, as_bytes(text)); }});
    };
    testing::MemoryDriver driver;
    auto& good = driver.connect(write("one"));
    auto& bad = driver.connect(write(std::string(256, 'x')));
    driver.run();
    CHECK(good.received() == "\3one");
    CHECK_FALSE(good.closed());
    CHECK(bad.received().empty());
    CHECK(bad.close_reason() == make_error_code(errc::handler_failed));
}
