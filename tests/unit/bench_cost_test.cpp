// What `cost` reads in the tools' texts: a figure, or none, and never a nought for what it does not
// understand.
#include <doctest/doctest.h>

#include <cost.hpp>

using namespace switchboard::bench;

namespace {

const std::string kHeader =
    "    calls    errors syscall\n"
    "--------- --------- ----------------\n";
const std::string kRows =
    "    12000           sendto\n"
    "    12003         3 recvfrom\n"
    "        1           io_uring_enter\n"
    "--------- --------- ----------------\n";

}  // namespace

TEST_CASE("bench cost: the calls that strace counted, by name") {
    const auto calls = parse_strace_summary(kHeader + kRows + "    24004         3 total\n");
    REQUIRE(calls);
    CHECK(calls->size() == 3);
    CHECK(calls->at("sendto").calls == 12'000);
    CHECK(calls->at("sendto").errors == 0);
    CHECK(calls->at("recvfrom").calls == 12'003);
    CHECK(calls->at("recvfrom").errors == 3);
}

TEST_CASE("bench cost: a text of strace that is not understood, or cut short, has no figures") {
    for (const std::string& text :
         {std::string(), std::string("strace: attach: ptrace(PTRACE_SEIZE): not permitted\n"),
          kHeader, kHeader + kRows, kHeader + kRows + "    24003         3 total\n",
          kHeader + "    twelve           sendto\n" + kRows + "    24016         3 total\n",
          kHeader + "        0           total\n"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_strace_summary(text));
    }
}

TEST_CASE("bench cost: what valgrind counted, or nothing") {
    CHECK(parse_callgrind_total("events: Ir\nsummary: 1234567\n") == 1'234'567);
    CHECK(parse_callgrind_total("events: Ir\ntotals: 89\n") == 89);
    CHECK_FALSE(parse_callgrind_total("events: Ir\n\nsummary: many\n"));
    CHECK(parse_memcheck_allocations("==1==   total heap usage: 1,234 allocs, 5 frees\n") == 1'234);
    CHECK_FALSE(parse_memcheck_allocations("==1== HEAP SUMMARY:\n"));
}
