// The conformance kit finds typical faults of protocols, and reports nothing for correct protocols.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/error.hpp>
#include <switchboard/testing/conformance.hpp>

using namespace switchboard;
using namespace std::chrono_literals;
using testing::check_deliveries;
using testing::check_robustness;
using testing::deliver;

namespace {

using Lines = testing::Findings;
using OnData = std::function<std::size_t(Connection&, MutableBytes)>;

ProtocolFactory with(OnData on_data) {
    return callbacks([on_data] { return Callbacks{.on_data = on_data}; });
}

// Answers each line with its length; "quit" closes, and "bad" aborts.
std::size_t good(Connection& c, MutableBytes in) {
    const std::string_view text = as_text(in);
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return 0;
    const std::string_view line = text.substr(0, end);
    if (line == "bad") {
        c.abort(errc::malformed_message);
    } else if (line == "quit") {
        c.write("bye\n");
        c.close();
    } else {
        c.write(std::to_string(end) + "\n");
    }
    return end + 1;
}

// Recognises "--" only if both characters arrive in one read.
std::size_t breaks_at_split(Connection& c, MutableBytes in) {
    std::string_view text = as_text(in);
    for (std::size_t at = 0; (at = text.find("--", at)) != std::string_view::npos; at += 2)
        c.write("|");
    return in.size();
}

// Consumes all input, although the last line is not complete yet.
std::size_t forgets_tail(Connection& c, MutableBytes in) {
    const std::size_t used = good(c, in);
    return used == 0 ? in.size() : used;
}

std::size_t writes_after_close(Connection& c, MutableBytes in) {
    c.close();
    c.write("one more thing");
    return in.size();
}

std::size_t ignores_backpressure(Connection& c, MutableBytes) {
    for (int i = 0; i < 40; ++i) c.write(std::string(50'000, 'x'));
    return 1;
}

bool all_contain(const Lines& lines, std::string_view text) {
    for (const std::string& line : lines)
        if (line.find(text) == std::string::npos) return false;
    return !lines.empty();
}

bool one_starts_with(const Lines& lines, std::string_view text) {
    for (const std::string& line : lines)
        if (line.starts_with(text)) return true;
    return false;
}

}  // namespace

TEST_CASE("kit: findings and outcomes print as text") {
    CHECK(doctest::toString(Lines{}) == "no findings");
    CHECK(doctest::toString(Lines{"seed 1: a", "seed 2: b"}) == "\n  seed 1: a\n  seed 2: b");
    const testing::Outcome outcome{.output = "a\n", .closed = true};
    CHECK(doctest::toString(outcome) == "closed (orderly), output \"a\\n\" of 2 bytes");
}

TEST_CASE("kit: deliver returns output, end and reason") {
    testing::Outcome outcome = deliver(with(good), "abc\n\nquit\nabc\n");
    CHECK(outcome.output == "3\n0\nbye\n");
    CHECK(outcome.closed);
    CHECK_FALSE(outcome.reason);
    outcome = deliver(with(good), "abc\nbad\n");
    CHECK(outcome.reason == errc::malformed_message);
    outcome = deliver(with(good), "abc\nde", {.eof_after_input = false});
    CHECK(outcome == testing::Outcome{.output = "3\n"});
}

TEST_CASE("kit: a good protocol passes, also with an abort or incomplete input") {
    for (const char* input : {"", "x", "one\ntwo\nthree\nquit\nfour\n", "one\ntwo\nbad\nthree\n",
                              "no end of line", "one\nand a half"}) {
        CAPTURE(input);
        CHECK(check_deliveries(with(good), input) == Lines{});
        CHECK(check_deliveries(with(good), input, {.eof_after_input = false}) == Lines{});
    }
    CHECK(check_robustness(with(good), 500) == Lines{});
}

TEST_CASE("kit: a protocol that breaks at one split is found there") {
    const Lines lines = check_deliveries(with(breaks_at_split), "ab--cd", {.random_runs = 0});
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == "byte by byte: output of 0 bytes, whole 1, differs at 0: \"\", whole \"|\"");
    CHECK(lines[1] == "split at 3: output of 0 bytes, whole 1, differs at 0: \"\", whole \"|\"");
}

TEST_CASE("kit: random deliveries find it as well, and the seed reproduces it") {
    const std::string input = "a--bc--d--";
    Lines lines = check_deliveries(with(breaks_at_split), input, {.most_splits = 0, .seed = 100});
    REQUIRE(lines.size() > 2);
    const std::string line = lines[1];
    REQUIRE(line.starts_with("random pieces (seed "));
    const std::uint64_t seed = std::stoull(line.substr(20));
    CHECK(seed >= 100);
    lines = check_deliveries(with(breaks_at_split), input,
                             {.most_splits = 0, .random_runs = 1, .seed = seed});
    CHECK(lines.at(1) == line);
}

TEST_CASE("kit: a protocol that forgets its tail is found") {
    const Lines lines = check_deliveries(with(forgets_tail), "one\ntwo\n");
    CHECK(one_starts_with(lines, "byte by byte: "));
    CHECK(one_starts_with(lines, "split at 1: "));
    CHECK_FALSE(one_starts_with(lines, "split at 4: "));
    CHECK(one_starts_with(lines, "split at 5: "));
}

TEST_CASE("kit: a different kind of end is a finding") {
    const auto hasty = with([](Connection& c, MutableBytes in) -> std::size_t {
        if (in.size() < 3) c.close(errc::incomplete_message);
        return in.size();
    });
    const Lines lines = check_deliveries(hasty, "abcdef", {.random_runs = 0});
    CHECK(one_starts_with(lines,
                          "byte by byte: closed (the peer closed before the message was "
                          "complete), whole closed (orderly)"));
    CHECK(one_starts_with(lines, "split at 2: "));
    CHECK_FALSE(one_starts_with(lines, "split at 3: "));
}

TEST_CASE("kit: a protocol that writes after its close is found") {
    const char* said = "wrote after its own close, abort or shutdown_write";
    CHECK(all_contain(check_deliveries(with(writes_after_close), "xy"), said));
    CHECK(all_contain(check_robustness(with(writes_after_close), 100), said));
}

TEST_CASE("kit: a protocol that ignores backpressure is found") {
    const char* said = "kept writing after write() returned false, until the queue was full";
    const Lines lines = check_deliveries(with(ignores_backpressure), "xy");
    CHECK(all_contain(lines, said));
    CHECK(one_starts_with(lines, "random pieces"));
    CHECK(all_contain(check_robustness(with(ignores_backpressure), 100), said));
}

TEST_CASE("kit: a protocol that writes on when time passes is found") {
    const auto ticker = callbacks([] {
        return Callbacks{.on_open = [](Connection& c) { c.set_deadline(c.now() + 100ms); },
                         .on_deadline =
                             [](Connection& c) {
                                 c.write(std::string(4096, 't'));
                                 c.set_deadline(c.now() + 100ms);
                             }};
    });
    CHECK(all_contain(check_robustness(ticker, 100), "until the queue was full"));
}

TEST_CASE("kit: a protocol that throws on some bytes is found, with the seed") {
    const auto fragile = with([](Connection&, MutableBytes in) -> std::size_t {
        if (in[0] == std::byte{0xff}) throw std::out_of_range("no such opcode");
        return 1;
    });
    const Lines lines = check_robustness(fragile, 100, 1000);
    REQUIRE(all_contain(lines, ": on_data threw: no such opcode"));
    const std::uint64_t seed = std::stoull(lines[0].substr(5));
    CHECK(seed >= 1000);
    CHECK(check_robustness(fragile, 1, seed) == Lines{lines[0]});
    CHECK(check_deliveries(fragile, "abc") == Lines{});
}

TEST_CASE("kit: a protocol that never comes to rest is found") {
    const auto restless = callbacks([] {
        return Callbacks{.on_open = [](Connection& c) { c.resume_reading(); },
                         .on_resume = [](Connection& c) { c.resume_reading(); }};
    });
    const Lines lines = check_robustness(restless, 1);
    CHECK(all_contain(lines, "hangs: still busy after 100000 turns"));
}

TEST_CASE("kit: long inputs are split at a limited number of evenly spread places") {
    std::size_t made = 0;
    const auto counted = callbacks([&] {
        ++made;
        return Callbacks{};
    });
    const testing::ConformanceOptions options{.most_splits = 10, .random_runs = 3};
    CHECK(check_deliveries(counted, std::string(1000, 'x'), options) == Lines{});
    CHECK(made == 1 + 1 + 10 + 3);
}
