// `switchboard plugin check`.
#include <doctest/doctest.h>

#include <csignal>
#include <fstream>

#include "../programs/server.hpp"
#include "loopback.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

const std::string kFolder = SWITCHBOARD_TEST_PLUGINS "/";
const std::string kFaulty = kFolder + "faulty.so";

// A file with transcripts.
class Transcripts {
public:
    explicit Transcripts(const std::string& text) { std::ofstream(path()) << text; }
    std::string path() const { return folder_ / "with a space.txt"; }

private:
    const test::TempDir folder_;
};

const char* const kEcho = "## echo\n> abcdef\\n\n< abcdef\\n\n";

Finished check(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"plugin", "check"});
    return programs::switchboard(std::move(arguments));
}

// Checks the plugin with this bug. It must have this one finding. Returns the command that is printed for it.
std::string finding(const Transcripts& transcripts, const std::string& bug, const std::string& text,
                    const std::string& timeout = "40s") {
    const Finished found = check({kFaulty, "--transcripts", transcripts.path(), "--option",
                                  "bug=" + bug, "--timeout", timeout});
    CHECK(found.status == 1);
    CHECK_MESSAGE(test::has(found.output, "faulty: " + text + "\n  again: "), found.output);
    const auto again = found.output.find("again: ");
    CHECK(found.output.find("again: ", again + 1) == std::string::npos);
    return found.output.substr(again + 7, found.output.find('\n', again) - again - 7);
}

// Runs a command that was printed.
Finished run_again(const std::string& command) {
    return support::run({"env", "PATH=" SWITCHBOARD_BIN ":/usr/bin:/bin", "sh", "-c", command});
}

// Ends the process that waits, while the plugin does not return.
void end_by(int signal, const std::string& timeout) {
    const Transcripts transcripts(kEcho);
    Process checking(command({"plugin", "check", kFaulty, "--transcripts", transcripts.path(),
                              "--option", "bug=hang", "--timeout", timeout}));
    CHECK(test::has(checking.read_error_line(), "it hangs"));
    checking.signal(signal);
    const Finished ended = checking.wait();  // until no process has its output any more
    CHECK(ended.status == 128 + signal);
    CHECK(ended.output == "");
}

}  // namespace

TEST_CASE(
    "plugin check: a good plugin passes with transcripts, in memory, over sockets, at random") {
    const Transcripts transcripts(kEcho);
    const Finished passed = check({kFaulty, "--transcripts", transcripts.path()});
    CHECK(passed.status == 0);
    CHECK(passed.errors == "");
    CHECK(passed.output.starts_with("faulty: "));
    CHECK(test::has(passed.output,
                    " runs in memory\nfaulty: 12 runs over sockets\nfaulty: 200 runs "
                    "with random input\n"));
    CHECK(check({kFaulty}).output == "faulty: 200 runs with random input\n");
    CHECK(check({kFaulty, "--seed", "18446744073709551615"}).output ==
          "faulty: 200 runs with random input\n");
    CHECK(check({kFaulty, "--only", "random input, seed 18446744073709551615"}).output ==
          "faulty: 1 run with random input\n");
}

TEST_CASE("plugin check: options and the protocol are chosen") {
    const Transcripts greeting(
        "## put, get\nopens hi;\n> put a 1\\n\n< ok\\n\n> get a\\nget b\\n\n< 1\\nnone\\n\n");
    CHECK(check({kFolder + "keyvalue.so", "--protocol", "kv", "--transcripts", greeting.path(),
                 "--option", "greeting=hi;"})
              .status == 0);
    CHECK(check({kFolder + "keyvalue.so", "--option", "most=0"}).errors ==
          "switchboard: kv: option most: must be at least 1: bad option\n");
    const Transcripts echo(kEcho);
    const std::string inetd = kFolder + "inetd.so";
    CHECK(check({inetd, "--protocol", "echo", "--transcripts", echo.path()}).status == 0);
    CHECK(check({inetd}).status == 0);
    CHECK(
        check({inetd, "--transcripts", echo.path()}).errors ==
        "switchboard: the plugin has several protocols: say with --protocol which one is meant\n");
    CHECK(check({inetd, "--protocol", "kv"}).errors ==
          "switchboard: the plugin has no protocol 'kv'\n");
}

TEST_CASE("plugin check: a finding comes with the command that runs it alone") {
    const Transcripts transcripts(kEcho);
    const std::string again =
        finding(transcripts, "cut",
                "echo: cut at 1: reply differs at 0: expected \"abcdef\\n\", got "
                "\"?bcdef\\n\"");
    CHECK(again == "switchboard plugin check " + kFaulty + " --protocol faulty --transcripts '" +
                       transcripts.path() +
                       "' --option bug=cut --timeout 40s --only 'echo: cut at 1'");
    const Finished one = run_again(again);
    CHECK(one.status == 1);
    CHECK(test::has(one.output, "echo: cut at 1: reply differs"));
    CHECK(test::has(one.output, "faulty: 1 run in memory\n"));
    CHECK(one.errors == "switchboard: faulty: 1 finding\n");
}

TEST_CASE("plugin check: a plugin that crashes or does not return is a finding") {
    const Transcripts transcripts(kEcho);
    const std::string crash =
        finding(transcripts, "crash", "echo: cut at 3: the plugin ended the process with signal 6");
    CHECK(
        test::has(run_again(crash).output, "cut at 3: the plugin ended the process with signal 6"));
    finding(transcripts, "hang", "echo: cut at 3: the plugin did not return within 3000 ms", "3s");
}

TEST_CASE("plugin check: a call for a connection that has ended is a finding") {
    const Transcripts transcripts(kEcho);
    finding(transcripts, "late",
            "echo: twice: plugin faulty: write() with a connection that has ended");
}

TEST_CASE("plugin check: a misuse in a process of a server is a finding") {
    const Transcripts transcripts(kEcho);
    for (const std::string driver : {"iterative", "threads", "processes"}) {
        CAPTURE(driver);
        const Finished found = check({kFaulty, "--transcripts", transcripts.path(), "--option",
                                      "bug=destroy", "--only", "echo: " + driver});
        CHECK(found.status == 1);
        CHECK(found.errors == "switchboard: faulty: 1 finding\n");
        CHECK_MESSAGE(test::has(found.output, "faulty: echo: " + driver +
                                                  ": plugin faulty: write() with a connection that "
                                                  "has ended\n"),
                      found.output);
    }
}

TEST_CASE("plugin check: findings count also if SIGCHLD is ignored") {
    const Transcripts transcripts(kEcho);
    const auto check_ignoring = [&](const std::string& bug) {
        // Not sh: dash does not ignore it for the command.
        return support::run({"bash", "-c", "trap '' CHLD; exec \"$@\"", "bash", kSwitchboard,
                             "plugin", "check", kFaulty, "--transcripts", transcripts.path(),
                             "--option", "bug=" + bug});
    };
    const Finished cut = check_ignoring("cut");
    CHECK(cut.status == 1);
    CHECK(cut.errors == "switchboard: faulty: 1 finding\n");
    const Finished crash = check_ignoring("crash");
    CHECK(crash.status == 1);
    CHECK(test::has(crash.output, "the plugin ended the process with signal 6"));
    CHECK(check_ignoring("none").status == 0);
}

TEST_CASE("plugin check: the process with the plugin ends if the one that waits is ended") {
    end_by(SIGTERM, "60s");
}

// Nobody can pass on SIGKILL, so that the child ends when the time is over. Not under tsan, which delays the
// handler of that signal until the thread makes a call.
TEST_CASE("plugin check: the process with the plugin ends if the one that waits is killed") {
    end_by(SIGKILL, "5s");
}

TEST_CASE("plugin check: what cannot be checked is an error") {
    const auto refused = [](std::vector<std::string> arguments, const std::string& why) {
        const Finished finished = check(std::move(arguments));
        CHECK(finished.status == 1);
        CHECK_MESSAGE(test::has(finished.errors, why), finished.errors);
    };
    refused({kFolder + "empty.so"}, "it has no switchboard_plugin(), so it is not a plugin");
    const Transcripts wrong("## a\n< b\n>> c\n"), none("# nothing\n"), echo(kEcho);
    refused({kFaulty, "--transcripts", wrong.path()}, wrong.path() + ":3: ");
    refused({kFaulty, "--transcripts", none.path()}, "it has no transcripts");
    refused({kFaulty, "--transcripts", "/nowhere/x"}, "/nowhere/x");
    refused({kFaulty, "--option", "bug=none", "--option", "colour=red"}, "colour");
    refused({kFaulty, "--transcripts", echo.path(), "--only", "echo: cut at 99"},
            "no run is called 'echo: cut at 99'");
    for (const std::string run :
         {"random input, seed xyz", "random input, seed ", "random input, seed 1x",
          "random input, seed 18446744073709551616"})
        refused({kFaulty, "--only", run}, "no run is called '" + run + "'");
    refused({kFaulty, "--timeout", "soon"}, "--timeout: ");
    refused({kFaulty, "--timeout", "0s"}, "--timeout: must be longer than 0\n");
    CHECK(check({}).status == 2);
}
