// The servers of lines, frames and replies: their exact bytes, however input arrives.
#include <doctest/doctest.h>

#include <switchboard/callbacks.hpp>
#include <switchboard/registry.hpp>
#include <switchboard/replies.hpp>
#include <switchboard/testing/conformance.hpp>
#include <switchboard/testing/memory.hpp>

#include "conforms.hpp"

using namespace switchboard;
using test::conforms;
using testing::Outcome;

namespace {

std::string length(std::size_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    return text;
}

std::string frame(const std::string& payload) {
    return length(payload.size()) + payload;
}

std::string request(std::size_t reply, const std::string& body) {
    return frame(length(reply) + body);
}

std::string answered(const std::string& input) {
    const Outcome outcome = testing::deliver(factory_of<Replier>(), input);
    CHECK_FALSE(outcome.reason);
    return outcome.output;
}

std::error_code refusal(const std::string& input) {
    return testing::deliver(factory_of<Replier>(), input).reason;
}

}  // namespace

TEST_CASE("replies: lines come back whole, and with LF") {
    const std::string input = "one\ntwo\r\n\n" + std::string(3'000, 'x') + "\n";
    CHECK(testing::deliver(factory_of<LineEcho>(), input).output ==
          "one\ntwo\n\n" + std::string(3'000, 'x') + "\n");
    conforms(factory_of<LineEcho>(), input);
    CHECK(testing::deliver(factory_of<LineEcho>(), "half").output.empty());
}

TEST_CASE("replies: frames come back whole") {
    const std::string input = frame("one") + frame("") + frame(std::string(2'000, 'x'));
    CHECK(testing::deliver(factory_of<FrameEcho>(), input).output == input);
    conforms(factory_of<FrameEcho>(), input);
}

TEST_CASE("replies: a reply is the body, cut or repeated to the requested length") {
    CHECK(answered(request(3, "abc")) == frame("abc"));
    CHECK(answered(request(2, "abc")) == frame("ab"));
    CHECK(answered(request(7, "abc")) == frame("abcabca"));
    CHECK(answered(request(0, "abc") + request(0, "")) == frame("") + frame(""));
    std::string hundred_thousand;
    for (int i = 0; i < 33'334; ++i) hundred_thousand += "xyz";
    hundred_thousand.resize(100'000);
    CHECK(answered(request(100'000, "xyz") + request(1, "q")) ==
          frame(hundred_thousand) + frame("q"));
    conforms(factory_of<Replier>(), request(3, "abc") + request(2'000, "ab") + request(1, "xyz"));
    conforms(factory_of<Replier>(std::uint64_t{10}), request(3, "abc"));
}

TEST_CASE("replies: an invalid request ends the connection with an error") {
    CHECK(refusal(frame("abc")) == errc::malformed_message);
    CHECK(refusal(frame("")) == errc::malformed_message);
    CHECK(refusal(request(1, "")) == errc::malformed_message);
    CHECK(refusal(request(1, "abc").substr(0, 9)) == errc::incomplete_message);
}

TEST_CASE("replies: a long reply is written as it is taken, and the next request waits") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(factory_of<Replier>());
    peer.set_window(1'000);
    peer.send(request(10'000'000, "abcdefg") + request(1, "q"));
    std::size_t taken = 0, most_queued = 0;
    while (driver.turn()) {
        most_queued = std::max(most_queued, peer.queued());
        taken += peer.take_received().size();
    }
    CHECK(taken == 10'000'004 + 5);
    CHECK(most_queued <= ConnectionLimits().high_water + 32 * 1024);
    CHECK_FALSE(peer.closed());
}

TEST_CASE("replies: a FIN after a request for a long reply ends the connection after the reply") {
    testing::MemoryDriver driver;
    auto& peer = driver.connect(factory_of<Replier>());
    peer.set_window(1'000);
    peer.send(request(300'000, "a"));
    peer.shutdown_write();
    std::size_t taken = 0;
    while (driver.turn()) taken += peer.take_received().size();
    CHECK(taken == 300'004);
    CHECK(peer.closed());
    CHECK_FALSE(peer.close_reason());
}

TEST_CASE("replies: work takes the requested number of steps") {
    CHECK(do_work(0) == 0);
    CHECK(do_work(1) == 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U);
    CHECK(do_work(1'000) != do_work(999));
}

TEST_CASE("replies: registered, with its option checked") {
    Registry registry;
    register_replies(registry);
    for (const std::string name : {"lines", "frames", "reply"}) {
        CHECK(registry.make(name, {}, {}).has_value());
        CHECK_FALSE(registry.make(name, Options(Options::Map{{"nonsense", "1"}}), {}).has_value());
    }
    CHECK(registry.make("reply", Options(Options::Map{{"work", "1000"}}), {}).has_value());
    CHECK_FALSE(registry.make("reply", Options(Options::Map{{"work", "much"}}), {}).has_value());
}
