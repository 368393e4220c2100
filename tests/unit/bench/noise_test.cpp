#include <doctest/doctest.h>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <system/cpus.hpp>
#include <system/noise.hpp>

#include "cpu_time.hpp"

using namespace switchboard::bench;
using namespace switchboard::test;

namespace {

constexpr const char* kStat =
    "cpu  300 0 300 900 30 3 6 12 0 0\n"
    "cpu0 100 1 100 400 10 1 2 5 0 0\n"
    "cpu1 200 0 200 500 20 2 4 7 50 3\n"
    "cpu10 1 1 1 1 1 1 1 1 0 0\n"
    "intr 294007 0 0\nctxt 398530\n";

// A process that is always busy, on the CPU of this test.
struct Neighbour {
    Neighbour() : pid(fork()) {
        REQUIRE(pid >= 0);
        while (pid == 0) own_cpu();
    }
    ~Neighbour() {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
    }
    pid_t pid;
};

}  // namespace

TEST_CASE("bench cpus: the generator has its own core if the machine has two") {
    const auto generator = [](Cpus how, const std::vector<int>& allowed,
                              const std::vector<int>& siblings) {
        return choose_cpus(how, allowed, siblings).generator;
    };
    CHECK(generator(Cpus::apart, {0, 1, 2, 3}, {0, 1}) == 2);
    CHECK(generator(Cpus::apart, {0, 1, 2, 3}, {0, 2}) == 1);
    CHECK(generator(Cpus::apart, {0, 1}, {}) == 1);
    CHECK(generator(Cpus::spread, {0, 1, 2, 3}, {0, 1}) == 2);
    CHECK(generator(Cpus::shared, {3, 4}, {3}) == 3);
    const CpuPlan one_core = choose_cpus(Cpus::apart, {2, 6}, {2, 6});
    CHECK(one_core.server == 2);
    CHECK(one_core.generator == 6);
    CHECK(one_core.one_core == true);
    CHECK(choose_cpus(Cpus::apart, {2, 6}, {2, 3}).one_core == false);
    CHECK(choose_cpus(Cpus::apart, {2}, {2, 6}).one_core == false);
    CHECK(choose_cpus(Cpus::spread, {2, 6}, {}).one_core == false);
    CHECK(choose_cpus(Cpus::shared, {2, 6}, {}).one_core == false);
    CHECK_FALSE(choose_cpus(Cpus::apart, {2, 6}, {}).one_core.has_value());
    CHECK(choose_cpus(Cpus::apart, {2}, {2, 6}).shared());
}

TEST_CASE("bench cpus: parses the kernel's lists") {
    CHECK(parse_cpu_list("0,4\n") == std::vector{0, 4});
    CHECK(parse_cpu_list("2-4,7") == std::vector{2, 3, 4, 7});
    CHECK(parse_cpu_list("0") == std::vector{0});
    for (const char* text : {"", "\n", "a", "1,", "4-2", "1-", "1;2", "-1,2", "0-99999999"}) {
        CAPTURE(text);
        CHECK(parse_cpu_list(text).empty());
    }
}

TEST_CASE("bench noise: the line of a CPU, in seconds") {
    const auto times = parse_cpu_times(kStat, {1});
    REQUIRE(times);
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    CHECK(times->busy == 400 / ticks);
    CHECK(times->idle == 520 / ticks);
    CHECK(times->interrupts == 6 / ticks);
    CHECK(times->stolen == 7 / ticks);
    CHECK(parse_cpu_times(kStat, {0})->idle == 410 / ticks);
    CHECK(parse_cpu_times(kStat, {10})->idle == 2 / ticks);
    const auto both = parse_cpu_times(kStat, {0, 1});
    REQUIRE(both);
    CHECK(both->busy == 601 / ticks);
    CHECK(both->idle == 930 / ticks);
    CHECK(both->interrupts == 9 / ticks);
    CHECK(both->stolen == doctest::Approx(12 / ticks));
    CHECK_FALSE(parse_cpu_times(kStat, {2}));
    CHECK_FALSE(parse_cpu_times(kStat, {0, 2}));
    CHECK_FALSE(parse_cpu_times("cpu0 1 2 3 4 5 6 7\n", {0}));
    CHECK_FALSE(parse_cpu_times("cpu0 1 2 3 four 5 6 7 8\n", {0}));
    CHECK_FALSE(parse_cpu_times("", {0}));
}

TEST_CASE(
    "bench noise: time that is neither idle nor our own is noise, except for a tick per CPU") {
    // 4 s of two CPUs: 1 s idle and 3 s busy, of which 2 s are our own, so others used 1 s.
    CHECK(noise_share({3, 1, 0, 0}, 2, 2, 2) == doctest::Approx(0.245));
    CHECK(noise_share({2, 2, 0, 0}, 2, 2, 2) == 0);
    CHECK(noise_share({2.1, 1.9, 0, 0}, 2, 2, 2) == doctest::Approx(0.02));
    CHECK(noise_share({1, 3, 0, 0}, 2, 2, 2) == 0);
    CHECK(noise_share({0, 0, 0, 0}, 0, 0, 2) == 0);
}

TEST_CASE("bench noise: cpu.stat of all parent cgroups tells how much a quota holds back") {
    CHECK(quota_files("12:cpuset:/\n3:cpu,cpuacct:/a/b\n0::/c\n") ==
          std::vector<std::string>{"/sys/fs/cgroup/cpu/a/b/cpu.stat",
                                   "/sys/fs/cgroup/cpu/a/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat",
                                   "/sys/fs/cgroup/c/cpu.stat", "/sys/fs/cgroup/cpu.stat"});
    CHECK(quota_files("0::/\n") == std::vector<std::string>{"/sys/fs/cgroup/cpu.stat"});
    CHECK(quota_files("9:name=systemd:/x\nno line\n4:cpu:gone\n").empty());
    CHECK(parse_throttled("usage_usec 9\nnr_periods 5\nnr_throttled 2\nthrottled_usec 1500\n") ==
          0.0015);
    CHECK(parse_throttled("nr_periods 5\nnr_throttled 2\nthrottled_time 2000000\n") == 0.002);
    CHECK_FALSE(parse_throttled("usage_usec 9\n"));
    CHECK_FALSE(parse_throttled(""));
}

TEST_CASE("bench noise: time that a quota holds back counts, up to the idle time of these CPUs") {
    // 4 s of two CPUs: 2 s are our own and 2 s are idle.
    CHECK(noise_share({2, 2, 0, 0, 1}, 2, 2, 2) == 0.25);
    CHECK(noise_share({2, 2, 0, 0, 9}, 2, 2, 2) == 0.5);  // also held back on other CPUs
    CHECK(noise_share({3, 1, 0, 0, 1}, 2, 2, 2) ==
          doctest::Approx(0.495));  // in addition to 1 s of others
    CHECK(noise_share({4, -0.01, 0, 0, 1}, 2, 4, 2) == 0);
}

TEST_CASE("bench noise: time that the counters miss, and errors of sampling, are not noise") {
    CHECK(noise_share({2.1, 1, 0, 0}, 2, 2, 2) == doctest::Approx(0.02));
    CHECK(noise_share({3, 1.9, 0, 0}, 2, 2, 2) == doctest::Approx(0.02));
}

TEST_CASE(
    "bench noise: whether clocks count interrupts is detected, with the same result each time") {
    const bool counted = clocks_count_interrupts();
    CHECK(clocks_count_interrupts() == counted);
    // Can be checked if the kernel publishes its configuration.
    const int status =
        std::system("zgrep -q '^CONFIG_IRQ_TIME_ACCOUNTING=y' /proc/config.gz 2>/dev/null");
    const int found = WEXITSTATUS(status);
    if (found <= 1) CHECK(counted == (found == 1));
}

TEST_CASE("bench noise: interrupts are not noise, and stolen time always is") {
    CHECK(noise_share({3, 1, 0.6, 0}, 2, 2, 2) == doctest::Approx(0.095));
    // If our own CPU time includes interrupts, they are busy time.
    CHECK(noise_share({3, 1, 0.6, 0}, 2, 2.5, 2, true) == doctest::Approx(0.12));
    CHECK(noise_share({2, 2, 0, 0.4}, 2, 2, 2) == doctest::Approx(0.095));
    CHECK(noise_share({2.6, 1, 0, 0.4}, 2, 2, 2) == doctest::Approx(0.245));
}

TEST_CASE("bench noise: a busy process on our CPU is noise, and our own work is not") {
    const auto plan = plan_cpus(Cpus::shared);
    REQUIRE(plan);
    cpu_set_t allowed;
    REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    REQUIRE(pin_to(plan->server));
    CpuNoise noise({plan->server});
    {
        const Neighbour neighbour;
        const double before = own_cpu();
        noise.begin();
        burn(0.3);
        noise.end();
        // Each gets half of the CPU, if the scheduler is fair and nothing else runs.
        const double own = own_cpu() - before;
        CHECK(noise.share(own) > 0.2);
        CHECK(noise.share(own) < noise.share(0));
        // If all busy time is our own, only time that the host of a virtual machine stole is noise.
        CHECK(noise.share(10) < noise.share(own));
    }
    CHECK(sched_setaffinity(0, sizeof allowed, &allowed) == 0);
}

TEST_CASE("bench noise: the noise of a CPU that does not exist is unknown") {
    CpuNoise noise({100'000});
    noise.begin();
    noise.end();
    CHECK_FALSE(noise.share(0));
}
