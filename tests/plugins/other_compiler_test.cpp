// Plugins that gcc compiled are loaded by a program that clang compiled, and the other way round.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "../programs/server.hpp"
#include "loopback.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

const std::string kOther = SWITCHBOARD_OTHER_COMPILER;
const std::string kOtherEcho = SWITCHBOARD_TEST_PLUGINS "/other-echo.so";
const std::string kOtherStore = SWITCHBOARD_TEST_PLUGINS "/other-keyvalue.so";

}  // namespace

TEST_CASE("plugins: what the other compiler made is served under every driver" *
          doctest::skip(kOther.empty())) {
    std::ifstream file(kOtherEcho, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    CHECK(test::has(bytes, "clang version") == (kOther == "clang"));
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        const Server store(
            {"kv", "--plugin", kOtherStore, "--option", "greeting=hello;", "--driver", driver});
        CHECK(ask(store.endpoint(), {}, "put a 1\nget a\nshout\nbye\n").output ==
              "hello;ok\n1\nBYE\n");
        const Server echo({"echo-c", "--plugin", kOtherEcho, "--driver", driver});
        CHECK(ask(echo.endpoint(), {}, "hello").output == "hello");
    }
}

TEST_CASE("plugins: what the other compiler made passes its transcripts" *
          doctest::skip(kOther.empty())) {
    const test::TempDir folder;
    const std::string transcripts = folder / "kv.txt";
    std::ofstream(transcripts) << "## put, get\n> put a 1\\nget a\\nget b\\n\n< ok\\n1\\nnone\\n\n"
                                  "## errors\n> late\\n\ncloses timed_out\n"
                                  "## a line without end\n> x\\{8193}\ncloses message_too_large\n";
    const Finished checked = programs::switchboard(
        {"plugin", "check", kOtherStore, "--transcripts", transcripts, "--most-runs", "300"});
    CHECK_MESSAGE(checked.status == 0, checked.output << checked.errors);
    CHECK(test::has(checked.output, "kv: 36 runs over sockets\n"));
    CHECK(programs::switchboard({"plugin", "check", kOtherEcho}).status == 0);
}
