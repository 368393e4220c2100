// check() passes a good protocol, and says of a bad one what is wrong and how to see it again.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <sstream>
#include <switchboard/callbacks.hpp>
#include <switchboard/testing/check.hpp>

#include "key_value.hpp"

using namespace switchboard;
using testing::check;
using testing::Report;
using testing::Transcript;

namespace {

using OnDataOfCheck = std::function<std::size_t(Connection&, MutableBytes)>;

// Takes what a read brings for a line.
std::size_t a_read_is_a_line(Connection& c, MutableBytes in) {
    c.write("<");
    c.write(in.first(in.size() - 1));
    c.write(">\n");
    return in.size();
}

ProtocolFactory with_on_data(OnDataOfCheck on_data) {
    return callbacks([on_data] { return Callbacks{.on_data = on_data}; });
}

const std::vector<Transcript> kOneLine{Transcript("a line").send("abc\n").expect("<abc>\n")};

}  // namespace

TEST_CASE("check: a good protocol passes, in every delivery") {
    const auto begin = std::chrono::steady_clock::now();
    const Report report = check(factory_of<test::KeyValue>(), test::key_value_transcripts());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    INFO(report);
    CHECK(report.findings.empty());
    CHECK(report.runs > 10'000);
    CHECK(report.to_string() == "0 findings in " + std::to_string(report.runs) + " runs");
    MESSAGE(report.runs, " runs, ",
            static_cast<long>(static_cast<double>(report.runs) / took.count()), " a second");
}

TEST_CASE(
    "check: a finding names the transcript, the delivery, the place, both texts and the seed") {
    const Report report = check(with_on_data(a_read_is_a_line), kOneLine, {.seed = 7});
    REQUIRE(report.findings.size() == 1);
    const auto& finding = report.findings[0];
    CHECK(
        finding.to_string() ==
        "a line: cut at 1: reply differs at 1: expected \"abc>\\n\", got \">\\n<bc>\\n\" (seed 7)");
    CHECK(finding.replay() ==
          "check(factory, transcripts, {.seed = 7, .only = \"a line: cut at 1\"})");
    std::ostringstream text;
    text << report;
    CHECK(text.str() ==
          "1 finding in 4 runs\n  " + finding.to_string() + "\n    again: " + finding.replay());
}

TEST_CASE("check: the replay runs this delivery alone, and finds the same") {
    const auto factory = with_on_data(a_read_is_a_line);
    const Report first = check(factory, kOneLine, {.seed = 7});
    const Report again = check(factory, kOneLine, {.seed = 7, .only = "a line: cut at 1"});
    CHECK(again.runs == 1);
    REQUIRE(again.findings.size() == 1);
    CHECK(again.findings[0].to_string() == first.findings.at(0).to_string());
    CHECK(check(factory, kOneLine, {.only = "a line: whole"}).findings.empty());
    CHECK(check(factory, kOneLine, {.only = "another: whole"}).runs == 0);
}

TEST_CASE("check: the end of the connection is compared") {
    const auto ends = [](std::error_code why) {
        return with_on_data([why](Connection& c, MutableBytes in) {
            c.close(why);
            return in.size();
        });
    };
    const auto problem = [](const ProtocolFactory& factory, Transcript transcript) {
        const Report report = check(factory, {std::move(transcript)}, {.only = "x: whole"});
        return report.findings.empty() ? "" : report.findings[0].problem;
    };
    const Transcript x = Transcript("x").send("x");
    const auto open = [&] { return x; };
    CHECK(problem(ends({}), open().closes()).empty());
    CHECK(problem(ends({}), open()) ==
          "closed without an error, which the transcript does not expect");
    CHECK(problem(ends({}), open().closes(errc::malformed_message)) ==
          "closed without an error, expected malformed_message");
    CHECK(problem(ends(errc::malformed_message), open().closes()) ==
          "closed with malformed_message, expected no error");
    CHECK(problem(ends(errc::malformed_message), open().expect("y")) ==
          "reply differs at 0: expected \"y\", got \"\", closed with malformed_message");
    CHECK(problem(ends(errc::idle_timed_out), open().closes(std::errc::timed_out)).empty());
    CHECK(problem(ends(errc::idle_timed_out), open().closes(errc::write_stalled)) ==
          "closed with idle_timed_out, expected write_stalled");
    CHECK(problem(callbacks([] { return Callbacks{}; }), open().closes()) ==
          "still open, although the transcript expects a close");
    CHECK(problem(callbacks([] { return Callbacks{}; }), Transcript("x").reset()).empty());
    CHECK(problem(callbacks([] { return Callbacks{}; }),
                  Transcript("x").reset().closes(std::errc::connection_reset))
              .empty());
}

TEST_CASE("check: a mistake in a transcript is a finding") {
    const auto mistake = [](Transcript transcript) {
        const Report report = check(factory_of<test::KeyValue>(), {std::move(transcript)});
        return report.runs == 0 ? report.findings.at(0).problem : "it ran";
    };
    CHECK(mistake(Transcript("x").send("a").opens("b")) == "opens must be the first step");
    CHECK(mistake(Transcript("x").closes().send("a")) == "nothing may follow closes");
    CHECK(mistake(Transcript("x").reset().send("a")) == "only closes may follow reset");
    CHECK(mistake(Transcript("x").end().send("a")) == "the peer cannot send after its FIN");
}

TEST_CASE("check: long inputs have as many runs of each kind as most_runs says") {
    std::size_t made = 0;
    const auto counted = callbacks([&] {
        ++made;
        return Callbacks{};
    });
    const std::vector<Transcript> silent{Transcript("x").send(std::string(1'000, 'x'))};
    const Report report = check(counted, silent, {.most_runs = 10, .random_runs = 3});
    CHECK(report.findings.empty());
    // Four kinds with one place, the random runs, two cuts, two of allocations, and eight more.
    CHECK(report.runs == 4 * 10 + 3 + 10 + 2 + 8);
    CHECK(made == report.runs + 1);  // "twice" makes two
}

// std::terminate() ends the process, so the report must come before it.
TEST_CASE(
    "check: an allocation that fails in on_close, which must not throw, is named before the end") {
    const auto allocates_in_on_close = callbacks([] {
        return Callbacks{
            .on_close = [text = std::string()](std::error_code) mutable { text.assign(100, 'x'); }};
    });
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::fflush(nullptr);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // doctest's own handler would report for the parent
        ::dup2(ends[1], STDERR_FILENO);
        (void)check(allocates_in_on_close, {Transcript("x").send("abc")}, {.most_runs = 9});
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string said;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        said.append(buffer, static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(said.starts_with("switchboard: check: x: allocation "));
    CHECK(said.find(" fails: std::terminate: ") != std::string::npos);
}
