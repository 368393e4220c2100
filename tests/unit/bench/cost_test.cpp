// How `cost` parses the output of its tools: it finds a figure or nothing, and never returns zero for a text
// that it does not understand.
#include <doctest/doctest.h>

#include <cost/cost.hpp>

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

TEST_CASE("bench cost: an output of strace that is invalid or cut short has no figures") {
    for (const std::string& text :
         {std::string(), std::string("strace: attach: ptrace(PTRACE_SEIZE): not permitted\n"),
          kHeader, kHeader + kRows, kHeader + kRows + "    24003         3 total\n",
          kHeader + "    twelve           sendto\n" + kRows + "    24016         3 total\n",
          kHeader + "        0           total\n"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_strace_summary(text));
    }
}

TEST_CASE("bench cost: the counts of valgrind, or nothing") {
    CHECK(parse_callgrind_total("events: Ir\nsummary: 1234567\n") == 1'234'567);
    CHECK(parse_callgrind_total("events: Ir\ntotals: 89\n") == 89);
    CHECK_FALSE(parse_callgrind_total("events: Ir\n\nsummary: many\n"));
    CHECK(parse_memcheck_allocations("==1==   total heap usage: 1,234 allocs, 5 frees\n") == 1'234);
    CHECK_FALSE(parse_memcheck_allocations("==1== HEAP SUMMARY:\n"));
}

TEST_CASE("bench cost: the sum over all processes of a server, or nothing") {
    const auto sum = [](const std::vector<std::string>& texts) {
        return sum_of(texts, parse_callgrind_total);
    };
    CHECK(sum({"\nsummary: 1000\n", "\nsummary: 200\n", "\nsummary: 30\n"}) == 1'230);
    CHECK_FALSE(sum({"\nsummary: 1000\n", "cut short", "\nsummary: 30\n"}));
}

TEST_CASE("bench cost: the work before a server's first exchange is not counted") {
    constexpr double kStart = 5e6, kEach = 200;
    const auto cost = [&](std::size_t connections, double few, double many) {
        const CostCase what{"reactor", connections, 64};
        return per_exchange(what, kStart + few * kEach, kStart + many * kEach);
    };
    CHECK(cost(1, 2'000, 12'000) == kEach);
    CHECK(cost(7, 1'995, 11'998) == kEach);  // counted in whole rounds
}

TEST_CASE("bench cost: each delivery of a fan-out counts as an exchange") {
    for (const char* workload : {"fan-out", "rooms"}) {
        const CostCase what{"reactor", 101, 64, workload};
        CHECK(what.exchanges_per_round() == 100);
        CHECK(per_exchange(what, 2'000 * 700.0, 12'000 * 700.0) == 700);
        CHECK(what.dialogue().is_fan_out);
    }
}

TEST_CASE("bench cost: a case that cannot be measured is reported") {
    const auto why = [](const CostCase& what) {
        const auto fits = check_case(what);
        return fits ? std::string() : fits.error().context();
    };
    CHECK(why({"reactor", 1, 64}).empty());
    CHECK(why({"reactor", 2, 64, "fan-out"}).empty());
    CHECK(why({"reactor", 1, 64, "echo", {"--throttle", "out=1M"}}).empty());
    CHECK(why({"reactor", 1, 64, "fan-out"}) == "fan-out requires at least 2 connections");
    CHECK(why({"reactor", 0, 64}) == "echo requires at least 1 connection");
    CHECK(why({"nobody", 1, 64}) == "unknown server 'nobody'");
    CHECK(why({"reactor", 1, 64, "chat"}) ==
          "unknown workload 'chat'; available: echo, fan-out, http, websocket, rooms");
    CHECK(why({"threads", 2, 64, "fan-out"}) ==
          "fan-out of threads: its protocol requires the reactor");
    CHECK(why({"reactor", 2, 64, "rooms"}).empty());
    CHECK(why({"reactor", 1, 64, "rooms"}) == "rooms requires at least 2 connections");
    CHECK(why({"threads", 2, 64, "rooms"}) ==
          "rooms of threads: its protocol requires the reactor");
    CHECK(why({"bare-epoll", 1, 64, "echo", {"-x"}}) == "bare-epoll takes no arguments");
    CHECK(why({.server = "threads", .connections = 1, .size = 64, .tls = true}).empty());
    CHECK(why({.server = "reactor-udp", .connections = 1, .size = 64, .tls = true}) ==
          "reactor-udp does not speak TLS");
    CHECK(why({.server = "bare-epoll", .connections = 1, .size = 64, .tls = true}) ==
          "bare-epoll does not speak TLS");
    CHECK(
        why({.server = "bare-epoll", .connections = 1, .size = 64, .protocol = "coroutine-echo"}) ==
        "bare-epoll serves echo, not coroutine-echo");
    CHECK(why({.server = "reactor", .connections = 1, .size = 64, .protocol = "coroutine-echo"})
              .empty());
}

TEST_CASE("bench cost: every call is counted once, by its kind") {
    const std::map<std::string, CallCount> counted{
        {"recvfrom", {1, 0}},       {"read", {2, 0}},
        {"recvmsg", {4, 0}},        {"readv", {8, 0}},
        {"recvmmsg", {16, 0}},      {"sendto", {100, 0}},
        {"write", {200, 0}},        {"sendmsg", {400, 0}},
        {"writev", {800, 0}},       {"sendmmsg", {1'600, 0}},
        {"poll", {10'000, 0}},      {"ppoll", {20'000, 0}},
        {"epoll_wait", {4e4, 0}},   {"select", {8e4, 0}},
        {"epoll_pwait", {16e4, 0}}, {"io_uring_enter", {32e4, 0}},
        {"epoll_ctl", {1e6, 0}},    {"futex", {2e6, 0}},
        {"accept4", {4e6, 0}}};
    Cost cost;
    add_calls(counted, 2, cost);
    CHECK(cost.receives == 2 * 31);
    CHECK(cost.sends == 2 * 3'100);
    CHECK(cost.waits == 2 * 630'000);
    CHECK(cost.watches == 2e6);
    CHECK(cost.other_calls == 2 * 6e6);
    CHECK(cost.calls == 2 * 7'633'131);
    CHECK(cost.failed_receives == 0);
}

TEST_CASE("bench cost: failed calls count only if they receive") {
    Cost cost;
    cost.failed_receives = 7;
    add_calls({{"recvfrom", {50, 20}},
               {"read", {40, 3}},
               {"sendto", {30, 100}},
               {"epoll_wait", {20, 200}},
               {"accept4", {10, 400}}},
              0.5, cost);
    CHECK(cost.failed_receives == 7 + 11.5);
    CHECK(cost.receives == 45);
    CHECK(cost.calls == 75);
}

TEST_CASE("bench cost: a budget has a tolerance of 0.5% and of 0.005 calls") {
    CHECK(is_within(99, 100));
    CHECK(is_within(100.4, 100));
    CHECK(is_within(100.504, 100));
    CHECK_FALSE(is_within(100.506, 100));
    CHECK_FALSE(is_within(101.1, 100));
    CHECK(is_within(0.004, 0));
    CHECK_FALSE(is_within(0.006, 0));
}
