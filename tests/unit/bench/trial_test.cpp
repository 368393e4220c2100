#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <base/text.hpp>
#include <limits>
#include <self_test/trial.hpp>
#include <system/usage.hpp>

#include "text.hpp"

using namespace switchboard;
using namespace switchboard::bench;
using switchboard::test::has;

namespace {

std::string as_is(double value) {
    return fixed(value, 0);
}

}  // namespace

TEST_CASE("bench process status: a size by its whole name, in bytes") {
    const std::string text =
        "Name:\tserver\nVmHWM:\t     200 kB\nVmRSS:\t    120 kB\nRssAnon:\t 7 kB\nThreads:\t1\n";
    CHECK(parse_status(text, "VmRSS") == 120u * 1024);
    CHECK(parse_status(text, "VmHWM") == 200u * 1024);
    CHECK(parse_status(text, "RssAnon") == 7u * 1024);
    for (const char* none : {"Rss", "mRSS", "VmSwap", "Threads", "Name"}) {
        CAPTURE(none);
        CHECK_FALSE(parse_status(text, none));
    }
    CHECK_FALSE(parse_status("", "VmRSS"));
    CHECK_FALSE(parse_status("\nVmRSS:", "VmRSS"));
    CHECK_FALSE(parse_status("\nVmRSS:\t 99999999999999999999999 kB\n", "VmRSS"));
}

TEST_CASE("bench process status: of this process, and of one that is gone") {
    CHECK(status_bytes(getpid(), "VmRSS") > 100'000);
    CHECK(status_bytes(getpid(), "VmHWM") >= status_bytes(getpid(), "RssAnon"));
    const std::size_t before = count_descriptors(getpid());
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(count_descriptors(getpid()) == before + 1);
    close(fd);
    const pid_t gone = fork();
    if (gone == 0) _exit(0);
    REQUIRE(waitpid(gone, nullptr, 0) == gone);
    CHECK(status_bytes(gone, "VmRSS") == 0);
    CHECK(count_descriptors(gone) == 0);
}

TEST_CASE("bench checks: a bound that is met exactly holds, and a value beyond it breaks it") {
    const auto holds = [](auto add) {
        Checks checks;
        add(checks);
        return checks.hold();
    };
    CHECK(holds([](Checks& v) { v.at_most("a", 3, 3, as_is); }));
    CHECK_FALSE(holds([](Checks& v) { v.at_most("a", 3.01, 3, as_is); }));
    CHECK(holds([](Checks& v) { v.at_least("a", 3, 3, as_is); }));
    CHECK_FALSE(holds([](Checks& v) { v.at_least("a", 2.99, 3, as_is); }));
    CHECK(holds([](Checks& v) { v.equal("a", 3, 3, as_is); }));
    CHECK_FALSE(holds([](Checks& v) { v.equal("a", 4, 3, as_is); }));
    CHECK(holds([](Checks& v) { v.note("a", "b"); }));
    CHECK_FALSE(holds([](Checks& v) { v.broken("a", "b"); }));
    // NaN breaks every bound.
    const double none = std::numeric_limits<double>::quiet_NaN();
    CHECK_FALSE(holds([&](Checks& v) { v.at_most("a", none, 3, as_is); }));
    CHECK_FALSE(holds([&](Checks& v) { v.at_least("a", none, 3, as_is); }));
}

TEST_CASE("bench checks: a broken check stays broken, and the table says so") {
    Checks checks;
    checks.at_most("bytes", 5, 3, as_is, " \u00b11");
    checks.equal("connections", 7, 7, as_is);
    checks.note("beside it", "a figure that is longer than all others");
    CHECK_FALSE(checks.hold());
    const std::string text = checks.to_text();
    CHECK(has(text, "bytes"));
    CHECK(has(text, "5 \u00b11  at most 3  BROKEN\n"));
    CHECK(has(text, "7          7      ok\n"));
    CHECK(has(text, "a figure that is longer than all others"));
    CHECK(text.ends_with("a bound is broken\n"));
}

TEST_CASE("bench checks: a ratio is judged by its median, given enough rounds") {
    const auto text = [](const Rounds& ratios) {
        Checks checks;
        check_at_least(checks, {"rate", 0.95}, ratios);
        return checks.to_text();
    };
    CHECK(has(text({0.5, 0.96, 0.97, 0.98, 0.5}), "0.960 \u00b10.020  at least 0.950  ok"));
    CHECK(has(text({0.94, 0.94, 0.94, 2, 2}), "BROKEN"));
    CHECK(has(text({0.5}), "0.500, too few rounds to judge"));
    CHECK(has(text({}), "no round has a figure"));
    CHECK(has(text({}), "BROKEN"));
    Checks slower;
    check_at_most(slower, {"p99", 3}, {2.0, 2.5, 3.0, 4.0, 9.0});
    CHECK(slower.hold());
}

TEST_CASE("bench trial options: a count out of range is named with the range") {
    CHECK(check_range("--rounds", 3, 0, 3));
    CHECK(check_range("--rounds", 4, 0, 3).error().context() == "--rounds 4: must be 0 to 3");
    CHECK(check_range("--idle", 0, 1, 9).error().context() == "--idle 0: must be 1 to 9");
}
