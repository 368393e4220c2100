// The text form of transcripts.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <switchboard/testing/transcript.hpp>

using namespace switchboard;
using namespace std::chrono_literals;
using testing::parse_transcripts;
using testing::Transcript;

namespace {

using TranscriptKind = Transcript::Kind;

Transcript parsed(const std::string& steps) {
    const auto all = parse_transcripts("## x\n" + steps, "x.txt");
    REQUIRE_MESSAGE(all.has_value(), all.error().message());
    REQUIRE(all->size() == 1);
    return all->at(0);
}

std::string refused_text(const std::string& text) {
    const auto all = parse_transcripts(text, "x.txt");
    if (all) return "no error";
    CHECK(all.error() == std::errc::invalid_argument);
    return all.error().context();
}

}  // namespace

TEST_CASE("transcript: the text form has every step") {
    const Transcript x = parsed(
        "# a comment\n"
        "opens hello\\n\n"
        "> put a b\\r\\n\n"
        "\n"
        "< ok\\n\n"
        "wait 1500ms\n"
        "shutdown\n"
        "end\n"
        "closes timed_out\n");
    REQUIRE(x.steps().size() == 7);
    CHECK(x.name() == "x");
    CHECK(x.steps()[0].kind == TranscriptKind::opens);
    CHECK(x.steps()[0].bytes == "hello\n");
    CHECK(x.steps()[1].kind == TranscriptKind::send);
    CHECK(x.steps()[1].bytes == "put a b\r\n");
    CHECK(x.steps()[2].kind == TranscriptKind::expect);
    CHECK(x.steps()[3].time == 1500ms);
    CHECK(x.steps()[4].kind == TranscriptKind::shutdown);
    CHECK(x.steps()[5].kind == TranscriptKind::end);
    CHECK(x.steps()[6].kind == TranscriptKind::closes);
    CHECK(x.steps()[6].why == std::errc::timed_out);
    CHECK(parsed("reset\ncloses").steps()[0].kind == TranscriptKind::reset);
    CHECK_FALSE(parsed("closes").steps()[0].why);
}

TEST_CASE("transcript: errors have the names of errc, and a condition stands for its codes") {
    const auto why = parsed("closes malformed_message").steps()[0].why;
    CHECK(make_error_code(errc::malformed_message) == why);
    CHECK_FALSE(make_error_code(errc::incomplete_message) == why);
    CHECK(make_error_code(errc::idle_timed_out) == parsed("closes timed_out").steps()[0].why);
    CHECK_FALSE(make_error_code(errc::idle_timed_out) ==
                parsed("closes write_stalled").steps()[0].why);
    CHECK(std::error_code(ECONNRESET, std::system_category()) ==
          parsed("closes connection_reset").steps()[0].why);
}

TEST_CASE("transcript: escapes stand for any byte") {
    CHECK(parsed("> \\x00\\xff\\t\\\\\\\" ~").steps()[0].bytes == std::string("\0\xff\t\\\" ~", 7));
    CHECK(parsed("> ax\\{300}\\n").steps()[0].bytes == "a" + std::string(300, 'x') + "\n");
    CHECK(parsed(">  two spaces ").steps()[0].bytes == " two spaces ");
}

TEST_CASE("transcript: sends in a row are one, and so are expects") {
    const Transcript x = parsed("> a\n> b\n< c\n< d\n> e\n");
    REQUIRE(x.steps().size() == 3);
    CHECK(x.steps()[0].bytes == "ab");
    CHECK(x.steps()[1].bytes == "cd");
    CHECK(Transcript("y").send("a").send("b").steps().size() == 1);
}

TEST_CASE("transcript: a mistake is named with its file and line") {
    CHECK(refused_text("> a\n") ==
          "x.txt:1: a step before the first line that begins with \"## \"");
    CHECK(refused_text("## x\n\nsay a\n") == "x.txt:3: unknown step \"say\"");
    CHECK(refused_text("## x\n> \\q\n") == "x.txt:2: unknown escape \"\\\\q\"");
    CHECK(refused_text("## x\n> \\x0\n") == "x.txt:2: unknown escape \"\\\\x0\"");
    CHECK(refused_text("## x\n> \\{3}\n") == "x.txt:2: unknown escape \"\\\\{3}\"");
    CHECK(refused_text("## x\n> \\\n") == "x.txt:2: unknown escape \"\\\\\"");
    CHECK(refused_text("## x\n>\n") == "x.txt:2: \">\" needs something after it");
    CHECK(refused_text("## x\nwait soon\n").starts_with("x.txt:2: "));
    CHECK(refused_text("## x\nend now\n") == "x.txt:2: nothing may follow \"end\"");
    const std::string unknown = refused_text("## x\ncloses badly\n");
    CHECK(unknown.starts_with("x.txt:2: unknown error \"badly\"; known are handler_failed, "));
    CHECK(unknown.find(", incomplete_message, ") != std::string::npos);
    CHECK(refused_text("## x\ncloses\n> a\n") == "x.txt:3: nothing may follow closes");
    CHECK(refused_text("## x\n> a\nopens b\n") == "x.txt:3: opens must be the first step");
}

TEST_CASE("transcript: a file is read, and one that is missing is named") {
    const auto path = std::filesystem::temp_directory_path() / "switchboard_transcript_test.txt";
    std::ofstream(path) << "## one\n> a\n## two\n> b\n";
    const auto all = testing::read_transcripts(path.string());
    std::filesystem::remove(path);
    REQUIRE(all.has_value());
    REQUIRE(all->size() == 2);
    CHECK(all->at(1).name() == "two");
    const auto missing = testing::read_transcripts(path.string());
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error() == std::errc::no_such_file_or_directory);
    CHECK(missing.error().context() == "read " + path.string());
}
