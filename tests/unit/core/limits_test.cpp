#include <doctest/doctest.h>

#include <sys/resource.h>
#include <algorithm>
#include <limits>
#include <switchboard/limits.hpp>

#include "text.hpp"

using namespace switchboard;
using test::complaint;
using namespace std::chrono_literals;

namespace {

class DescriptorLimit {
public:
    explicit DescriptorLimit(rlim_t soft) {
        getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit now{soft, before_.rlim_max};
        REQUIRE(setrlimit(RLIMIT_NOFILE, &now) == 0);
    }
    ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("limits: the defaults are those of the design") {
    const Limits limits;
    CHECK(limits.server.backlog == 511);
    CHECK(limits.server.accept_retry_delay == 100ms);
    CHECK(limits.server.drain_timeout == 30s);
    CHECK(limits.connection.drain_idle_timeout == 250ms);
    CHECK(limits.connection.write_stall_timeout == 60s);
    CHECK(limits.connection.high_water == 64 * 1024);
    CHECK(limits.connection.max_read_buffer == 1024 * 1024);
    CHECK(limits.check());
}

TEST_CASE("limits: every limit can be set by its name, and prints in the form that sets it") {
    const auto entries = Limits{}.entries();
    CHECK(entries.size() == 21);
    for (const auto& entry : entries) {
        CAPTURE(entry.name);
        Limits limits;
        CHECK(complaint(limits.set(entry.name, entry.value)) == "");
        CHECK_FALSE(entry.meaning.empty());
        const auto again = limits.entries();
        CHECK(std::equal(entries.begin(), entries.end(), again.begin(),
                         [](const auto& a, const auto& b) { return a.value == b.value; }));
    }
}

TEST_CASE("limits: a value is stored in the member of its name") {
    Limits limits;
    CHECK(limits.set("max_connections", "19500"));
    CHECK(limits.set("high_water", "128k"));
    CHECK(limits.set("max_write_buffer", "2M"));
    CHECK(limits.set("close_timeout", "250ms"));
    CHECK(limits.set("drain_timeout", "2"));
    CHECK(limits.server.max_connections == 19500);
    CHECK(limits.connection.high_water == 128 * 1024);
    CHECK(limits.connection.max_write_buffer == 2 * 1024 * 1024);
    CHECK(limits.connection.close_timeout == 250ms);
    CHECK(limits.server.drain_timeout == 2s);
}

TEST_CASE("limits: an invalid limit is reported by name, and changes nothing") {
    Limits limits;
    CHECK(complaint(limits.set("max_conections", "1")) ==
          "limit max_conections: no such limit: bad option");
    CHECK(complaint(limits.set("max_connections", "10k")) ==
          "limit max_connections: \"10k\" is not a count like 10000: bad option");
    CHECK(complaint(limits.set("high_water", "lots")) ==
          "limit high_water: \"lots\" is not a size like 65536, 64k or 1M: bad option");
    CHECK(complaint(limits.set("close_timeout", "5 s")) ==
          "limit close_timeout: \"5 s\" is not a time like 250ms, 5s or 1m: bad option");
    CHECK(complaint(limits.set("max_accepts_per_turn", "0")) ==
          "limit max_accepts_per_turn: must be at least 1: bad option");
    CHECK(complaint(limits.set("max_read_buffer", "4G")) ==
          "limit max_read_buffer: must be at most 4294967295: bad option");
    CHECK(limits.set("backlog", "2147483648").error() == errc::bad_option);
    CHECK(limits.server.max_connections == 0);
    CHECK(limits.server.max_accepts_per_turn == 16);
}

TEST_CASE("limits: inconsistent bounds are reported") {
    Limits limits;
    limits.connection.low_water = limits.connection.high_water;
    CHECK(complaint(limits.check()) == "limit low_water: must be below high_water: bad option");
    limits = {};
    limits.connection.high_water = limits.connection.max_write_buffer + 1;
    CHECK(complaint(limits.check()) ==
          "limit high_water: must not be above max_write_buffer: bad option");
    limits = {};
    limits.connection.read_budget = 0;
    CHECK(complaint(limits.check()) == "limit read_budget: out of range: bad option");
    limits = {};
    limits.connection.close_timeout = -1ms;
    CHECK(limits.check().error() == errc::bad_option);
}

TEST_CASE("limits: the number of connections follows from the descriptors of the process") {
    Limits limits;
    {
        const DescriptorLimit few(256);
        CHECK(limits.server.connections_allowed() == 192);
    }
    {
        const DescriptorLimit none(40);
        CHECK(limits.server.connections_allowed() == 1);
    }
    limits.server.max_connections = 7;
    CHECK(limits.server.connections_allowed() == 7);
}

TEST_CASE("parse_duration: units, bare seconds, and nothing else") {
    CHECK(parse_duration("250ms").value() == 250ms);
    CHECK(parse_duration("5s").value() == 5s);
    CHECK(parse_duration("1m").value() == 60s);
    CHECK(parse_duration("2h").value() == 2h);
    CHECK(parse_duration("3").value() == 3s);
    CHECK(parse_duration("0").value() == 0ms);
    for (const char* bad :
         {"", "s", "-1s", "+1s", "1.5s", "5 s", "5S", "5sec", " 5s", "0x5", "1s1s"}) {
        CAPTURE(bad);
        CHECK(parse_duration(bad).error() == errc::bad_option);
    }
    CHECK(parse_duration("99999999999h").error() == errc::bad_option);
    CHECK(parse_duration("99999999999999999999").error().context() ==
          "\"99999999999999999999\" is too large");
}

TEST_CASE("parse_size: units in powers of 1,024, and nothing else") {
    CHECK(parse_size("65536").value() == 65536);
    CHECK(parse_size("64k").value() == 65536);
    CHECK(parse_size("1M").value() == 1048576);
    CHECK(parse_size("1G").value() == 1073741824);
    CHECK(parse_size("0").value() == 0);
    for (const char* bad : {"", "k", "-1", "1.5k", "1kb", "1 k", "1K", "1T", "k1"}) {
        CAPTURE(bad);
        CHECK(parse_size(bad).error() == errc::bad_option);
    }
    CHECK(parse_size("18446744073709551615").value() == std::numeric_limits<std::size_t>::max());
    CHECK(parse_size("18446744073709551616").error() == errc::bad_option);
    CHECK(parse_size("18446744073709551615k").error() == errc::bad_option);
}

TEST_CASE("limits: a name that connections and datagrams share is set for both") {
    Limits limits;
    CHECK(limits.set("high_water", "40000"));
    CHECK(limits.connection.high_water == 40'000);
    CHECK(limits.datagram.high_water == 40'000);
    limits = {};
    limits.datagram.low_water = limits.datagram.high_water;
    CHECK(limits.connection.check());
    CHECK(complaint(limits.check()) == "limit low_water: must be below high_water: bad option");
}

TEST_CASE("limits: those of a reactor alone are refused for a server without one") {
    ServerLimits limits;
    CHECK(limits.check_without_reactor());
    limits.accepts_per_second = 1;
    CHECK(limits.check());
    CHECK(limits.check_without_reactor().error() == errc::unsupported);
    limits = {.max_per_address = 1};
    CHECK(complaint(limits.check_without_reactor()) ==
          "limit max_per_address: applies only to connections under a reactor: not supported here");
    limits = {.max_accepts_per_turn = 0};
    CHECK(limits.check_without_reactor().error() == errc::bad_option);
}
