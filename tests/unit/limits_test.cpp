#include <doctest/doctest.h>

#include <sys/resource.h>
#include <algorithm>
#include <limits>
#include <switchboard/limits.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// What was wrong with the value, or "" if nothing was.
std::string complaint(Result<void> result) {
    return result ? "" : result.error().message();
}

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
    CHECK(limits.backlog == 511);
    CHECK(limits.accept_pause == 100ms);
    CHECK(limits.drain_deadline == 30s);
    CHECK(limits.drain_idle == 250ms);
    CHECK(limits.write_stall_timeout == 60s);
    CHECK(limits.high_water == 64 * 1024);
    CHECK(limits.max_unread == 1024 * 1024);
    CHECK(limits.check());
}

TEST_CASE("limits: every one is set by its name, and prints as what sets it") {
    const auto entries = Limits{}.entries();
    CHECK(entries.size() == 19);
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

TEST_CASE("limits: values reach the member of their name") {
    Limits limits;
    CHECK(limits.set("max_connections", "19500"));
    CHECK(limits.set("high_water", "128k"));
    CHECK(limits.set("max_queued", "2M"));
    CHECK(limits.set("close_timeout", "250ms"));
    CHECK(limits.set("drain_deadline", "2"));
    CHECK(limits.max_connections == 19500);
    CHECK(limits.high_water == 128 * 1024);
    CHECK(limits.max_queued == 2 * 1024 * 1024);
    CHECK(limits.close_timeout == 250ms);
    CHECK(limits.drain_deadline == 2s);
}

TEST_CASE("limits: a bad one is named with what is wrong, and changes nothing") {
    Limits limits;
    CHECK(complaint(limits.set("max_conections", "1")) ==
          "limit max_conections: there is none of that name: bad option");
    CHECK(complaint(limits.set("max_connections", "10k")) ==
          "limit max_connections: \"10k\" is not a count like 10000: bad option");
    CHECK(complaint(limits.set("high_water", "lots")) ==
          "limit high_water: \"lots\" is not a size like 65536, 64k or 1M: bad option");
    CHECK(complaint(limits.set("close_timeout", "5 s")) ==
          "limit close_timeout: \"5 s\" is not a time like 250ms, 5s or 1m: bad option");
    CHECK(complaint(limits.set("accepts_per_wake", "0")) ==
          "limit accepts_per_wake: at least 1 is needed: bad option");
    CHECK(complaint(limits.set("max_unread", "4G")) ==
          "limit max_unread: at most 4294967295 is allowed: bad option");
    CHECK(limits.set("backlog", "2147483648").error() == errc::bad_option);
    CHECK(limits.max_connections == 0);
    CHECK(limits.accepts_per_wake == 16);
}

TEST_CASE("limits: bounds that do not fit together are found") {
    Limits limits;
    limits.low_water = limits.high_water;
    CHECK(complaint(limits.check()) == "limit low_water: must be below high_water: bad option");
    limits = {};
    limits.high_water = limits.max_queued + 1;
    CHECK(complaint(limits.check()) ==
          "limit high_water: must not be above max_queued: bad option");
    limits = {};
    limits.read_budget = 0;
    CHECK(complaint(limits.check()) == "limit read_budget: out of range: bad option");
    limits = {};
    limits.close_timeout = -1ms;
    CHECK(limits.check().error() == errc::bad_option);
}

TEST_CASE("limits: connections follow the descriptors of the process") {
    Limits limits;
    {
        const DescriptorLimit few(256);
        CHECK(limits.connections_allowed() == 192);
    }
    {
        const DescriptorLimit none(40);
        CHECK(limits.connections_allowed() == 1);
    }
    limits.max_connections = 7;
    CHECK(limits.connections_allowed() == 7);
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
    CHECK(parse_duration("99999999999999999999").error().tried() ==
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
