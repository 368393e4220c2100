// Requests that users define: which bytes are sent, and which replies are correct.
#include <doctest/doctest.h>

#include <unistd.h>
#include <fstream>
#include <workload/script.hpp>

#include "text.hpp"

using namespace switchboard;
using namespace switchboard::bench;
using switchboard::test::has;

namespace {

// The result of matching a reply: how many bytes are correct, and whether the reply is complete.
struct Taken {
    std::size_t used = 0;
    bool is_whole = false;
    friend bool operator==(const Taken&, const Taken&) = default;
};

Taken take(const std::string& form, const std::string& bytes, std::size_t step) {
    const auto reply = ExpectedReply::parse(form);
    REQUIRE(reply);
    ExpectedReply::Progress progress;
    Taken taken;
    while (taken.used < bytes.size() && !taken.is_whole) {
        const std::string piece = bytes.substr(taken.used, step);
        const auto found = reply->match(progress, as_bytes(piece));
        taken.used += found.used;
        taken.is_whole = found.is_whole;
        if (found.used < piece.size()) break;
    }
    return taken;
}

void check_taken(const std::string& form, const std::string& bytes, const Taken& wanted) {
    for (const std::size_t step : {1U, 2U, 3U, 1'000U}) {
        CAPTURE(form);
        CAPTURE(step);
        CHECK(take(form, bytes, step) == wanted);
    }
}

std::string why(const std::string& form) {
    const auto reply = ExpectedReply::parse(form);
    return reply ? "" : reply.error().context();
}

}  // namespace

TEST_CASE("bench script: a literal reply is matched to the byte, in pieces of any size") {
    check_taken("+PONG\\r\\n", "+PONG\r\n", {7, true});
    check_taken("+PONG\\r\\n", "+PONG\r\nmore", {7, true});
    check_taken("+PONG\\r\\n", "+PANG\r\n", {2, false});
    check_taken("\\x00\\xff\\t\\\\", std::string("\0\xff\t\\", 4), {4, true});
}

TEST_CASE("bench script: until a delimiter, also one that overlaps itself") {
    check_taken("until:\\n", "a line\nnext", {7, true});
    check_taken("until:aab", "aaab", {4, true});
    check_taken("until:abab", "abaabab", {7, true});
    check_taken("until:abab", "abaaba", {6, false});
}

TEST_CASE("bench script: a number of bytes, and a pattern") {
    check_taken("size:3", "abcd", {3, true});
    check_taken("pattern:HTTP/1.1 200*\\r\\n\\r\\n{5}", "HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello",
                {30, true});
    check_taken("pattern:HTTP/1.1 200*\\r\\n\\r\\n{5}", "HTTP/1.1 404 No\r\n\r\nhello", {9, false});
    check_taken("pattern:a*b*c", "a12b34bc5", {8, true});
    check_taken("pattern:\\*\\{{2}!", "*{xy!", {5, true});
}

TEST_CASE("bench script: an invalid form is refused with the reason") {
    CHECK(has(why("size:x"), "'x'"));
    CHECK(has(why("size:0"), "empty reply"));
    CHECK(has(why(""), "empty reply"));
    CHECK(has(why("until:"), "empty reply"));
    CHECK(has(why("pattern:a*"), "text must follow *"));
    CHECK(has(why("pattern:a*{3}b"), "text must follow *"));
    CHECK(has(why("pattern:{x}"), "{N} is a number of bytes"));
    CHECK(has(why("pattern:{3"), "{N} is a number of bytes"));
    CHECK(has(why("a\\q"), "unknown escape"));
    CHECK(has(why("a\\x1"), "unknown escape"));
    CHECK(has(why("a\\"), "unknown escape"));
}

TEST_CASE("bench script: pairs in turn, from the command line or a file") {
    const auto two = make_script({"GET a\\n", "GET b\\n"}, {"A\\n", "B\\n"});
    REQUIRE(two);
    CHECK(two->at(1).request == "GET b\n");
    CHECK(make_script({"a", "b"}, {"until:\\n"})->size() == 2);
    CHECK_FALSE(make_script({"a", "b", "c"}, {"A", "B"}));
    CHECK_FALSE(make_script({""}, {"A"}));
    const std::string path = "/tmp/bench-script-" + std::to_string(getpid());
    const auto written = [&](const std::string& text) {
        std::ofstream(path) << text;
        return read_script(path);
    };
    const auto script = written("# a comment\n> PING\\r\\n\n< +PONG\\r\\n\n\n> X\n< size:1\n");
    REQUIRE(script);
    CHECK(script->size() == 2);
    CHECK(script->at(0).request == "PING\r\n");
    CHECK(has(written("> a\n> b\n< c\n").error().context(), "one '< ' line must follow"));
    CHECK(has(written("hello\n").error().context(), "a line must begin with"));
    CHECK(has(written("# nothing\n").error().context(), "one '< ' line must follow"));
    std::ofstream(path) << "raw \\n bytes";
    CHECK(parse_request("@" + path).value() == "raw \\n bytes");
    unlink(path.c_str());
    CHECK_FALSE(parse_request("@" + path));
}
