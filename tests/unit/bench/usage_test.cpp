#include <doctest/doctest.h>

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <system/usage.hpp>
#include <thread>

#include "cpu_time.hpp"

using namespace switchboard::bench;
using namespace switchboard::test;

namespace {

void tell(int fd) {
    [[maybe_unused]] const auto n = write(fd, "x", 1);
}
void await(int fd) {
    char c = 0;
    [[maybe_unused]] const auto n = read(fd, &c, 1);
}

// A child and a grandchild, which both burn 30 ms. On request the grandchild ends. The child reaps it,
// reports that, and waits to be killed.
struct Family {
    Family() {
        REQUIRE(pipe(burnt) == 0);
        REQUIRE(pipe(go_on) == 0);
        pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) child();
        await(burnt[0]);
        await(burnt[0]);
    }
    ~Family() {
        tell(go_on[1]);  // ends the grandchild, if it still waits
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        for (const int fd : {burnt[0], burnt[1], go_on[0], go_on[1]}) close(fd);
    }
    [[noreturn]] void child() {
        const pid_t grandchild = fork();
        burn(0.03);
        tell(burnt[1]);
        if (grandchild == 0) {
            await(go_on[0]);
            _exit(0);
        }
        waitpid(grandchild, nullptr, 0);
        tell(burnt[1]);
        for (;;) pause();
    }

    int burnt[2], go_on[2];
    pid_t pid;
};

// A child that, for each order, starts a thread that waits kWaits times.
struct Waiter {
    Waiter() {
        REQUIRE(pipe(orders) == 0);
        REQUIRE(pipe(done) == 0);
        pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) child();
    }
    ~Waiter() {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        for (const int fd : {orders[0], orders[1], done[0], done[1]}) close(fd);
    }
    [[noreturn]] void child() {
        for (;;) {
            await(orders[0]);
            std::thread other([&] {
                for (int i = 0; i < kWaits; ++i) poll(nullptr, 0, 1);
                tell(done[1]);
                await(orders[0]);
            });
            other.join();
            tell(done[1]);
        }
    }
    void order() { tell(orders[1]); }
    void await_done() { await(done[0]); }

    static constexpr int kWaits = 40;
    int orders[2], done[2];
    pid_t pid;
};

}  // namespace

TEST_CASE("bench usage: the CPU of children counts, before and after they are reaped") {
    Family family;
    CpuMeter meter(family.pid);
    CHECK(process_tree(family.pid).size() == 2);
    const CpuTime before = meter.read();
    CHECK(before.total >= 0.06);
    CHECK(before.total < 0.2);
    tell(family.go_on[1]);
    await(family.burnt[0]);
    meter.find_processes();
    CHECK(process_tree(family.pid).size() == 1);
    // The time of reaped children is in ticks of 10 ms, with user and system time rounded down separately.
    CHECK((meter.read() - before).total == doctest::Approx(0).epsilon(0.025));
    CHECK(meter.read().ticks >= meter.read().user_ticks);
}

TEST_CASE("bench usage: the CPU of a child that started and ended in between is its parent's") {
    CpuMeter meter(getpid());
    const CpuTime before = meter.read();
    const pid_t child = fork();
    if (child == 0) {
        burn(0.1);
        _exit(0);
    }
    REQUIRE(waitpid(child, nullptr, 0) == child);
    CHECK((meter.read() - before).total >= 0.08);
}

TEST_CASE("bench usage: the number of CPUs that a process can use") {
    CHECK(most_cpus(getpid()) >= 1);
    CHECK(most_cpus(getpid()) <= static_cast<std::size_t>(sysconf(_SC_NPROCESSORS_ONLN)));
}

TEST_CASE("bench usage: memory of a process tree counts shared pages once") {
    constexpr std::size_t kSize = 16 * 1024 * 1024;
    const auto of_family = [] {
        const Family family;
        return read_memory(family.pid);
    };
    const std::size_t before = of_family();
    CHECK(before > 0);
    void* const there = mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    REQUIRE(there != MAP_FAILED);
    const std::size_t after = of_family();
    munmap(there, kSize);
    // Three processes share each page, and two of them are the family. So it has two thirds of the pages, not
    // twice all.
    CHECK(after > before + kSize / 3);
    CHECK(after < before + kSize);
}

TEST_CASE("bench usage: memory includes written pages, and no mapped files") {
    constexpr std::size_t kSize = 16 * 1024 * 1024;
    // The kernel touches the pages (MAP_POPULATE), because a sanitizer uses memory to track our own accesses.
    const auto grown_by = [](int descriptor, int flags, int protection) {
        const std::size_t before = read_memory(getpid());
        void* const there = mmap(nullptr, kSize, protection, flags | MAP_POPULATE, descriptor, 0);
        REQUIRE(there != MAP_FAILED);
        const std::size_t after = read_memory(getpid());
        munmap(there, kSize);
        return after > before ? after - before : 0;
    };
    CHECK(grown_by(-1, MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ | PROT_WRITE) >= kSize);
    CHECK(grown_by(-1, MAP_SHARED | MAP_ANONYMOUS, PROT_READ | PROT_WRITE) >= kSize);
    std::FILE* const file = std::tmpfile();
    REQUIRE(file != nullptr);
    REQUIRE(ftruncate(fileno(file), kSize) == 0);
    CHECK(grown_by(fileno(file), MAP_PRIVATE, PROT_READ) < kSize / 4);
    std::fclose(file);
}

TEST_CASE("bench usage: a process that is gone uses nothing") {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    REQUIRE(waitpid(pid, nullptr, 0) == pid);
    CHECK(process_tree(pid).empty());
    CHECK(CpuMeter(pid).read().total == 0);
    CHECK(read_memory(pid) == 0);
    CHECK_FALSE(SwitchMeter(pid).since_begin());
}

TEST_CASE("bench usage: context switches are those of all threads since begin()") {
    Waiter waiter;
    SwitchMeter meter(waiter.pid);
    waiter.order();
    waiter.await_done();
    meter.begin();
    const auto none = meter.since_begin();
    REQUIRE(none);
    CHECK(none->voluntary <= 2);  // its wait may not have begun yet
    waiter.order();               // the thread ends, and its count is lost
    waiter.await_done();
    CHECK_FALSE(meter.since_begin());

    meter.begin();
    waiter.order();
    waiter.await_done();
    const auto one = meter.since_begin();  // includes a thread that started after begin()
    REQUIRE(one);
    CHECK(one->voluntary >= Waiter::kWaits);
    CHECK(one->voluntary <= Waiter::kWaits + 10);
}

TEST_CASE("bench usage: context switches as the kernel writes them") {
    const auto switches = parse_switches(
        "Name:\tx\nThreads:\t1\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t3\n");
    REQUIRE(switches);
    CHECK(switches->voluntary == 150);
    CHECK(switches->involuntary == 3);
    CHECK_FALSE(parse_switches("Name:\tx\nvoluntary_ctxt_switches:\t150\n"));
    CHECK_FALSE(parse_switches("voluntary_ctxt_switches:\tmany\nnonvoluntary_ctxt_switches:\t3\n"));
}
